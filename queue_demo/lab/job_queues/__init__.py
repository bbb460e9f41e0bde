"""Two job queues in PostgreSQL, as a Django project of their own: the shop's services load none of it."""
