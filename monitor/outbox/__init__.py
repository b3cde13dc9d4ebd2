"""Where events wait until every sink took them: findings and outbox in one SQLite database."""
