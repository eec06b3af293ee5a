"""The contenders: `table` lists them, `contender` says what a case needs of one."""
