"""Finding issues: the query language, the fields that it knows, and the SQL that they become."""
