"""A fleet: sensors publish what they observe, correlators judge it together, on Kafka.

`parcels` are the messages. Sensors spool and publish them; a group of correlators turns them into decisions,
and whoever owns a tenant records these. No one reads off a message's key whose it is.
"""
