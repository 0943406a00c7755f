"""From the text of a query to batches of records: bind, plan, run."""
