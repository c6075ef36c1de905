"""What `migrate` brings to this version beside tables: functions, policies and triggers, and rights."""
