"""Status, check and why: what is wrong, and what helps."""
