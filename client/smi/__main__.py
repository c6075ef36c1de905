from smi.cli import run

run()
