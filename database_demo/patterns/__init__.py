"""What one may take away. Nothing: the answer to `oversell` is a WHERE clause and a constraint, and they belong to their table."""
