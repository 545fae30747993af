"""The only SQL: one module a topic of schema.sql, one function a transition, one transaction a function."""
