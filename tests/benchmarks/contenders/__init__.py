"""The contenders: `table` lists them, `face` says what a case asks of one."""
