"""What `migrate` brings up to date beside tables: functions, policies, triggers and rights."""
