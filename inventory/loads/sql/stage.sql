-- A block of rows, one a line of text: the line of the file and the cells, divided by tabs. An empty cell is NULL.
INSERT INTO inventory_stagedrow (file_id, line, cells)
SELECT %(file)s, cells[1]::integer, cells[2:]
FROM string_to_table(%(block)s, E'\n') AS row (text)
CROSS JOIN LATERAL string_to_array(text, E'\t', '') AS cells;
