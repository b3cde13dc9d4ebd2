"""The last stage of a fleet: decisions off Kafka become evidence, in a folder for each partition."""
