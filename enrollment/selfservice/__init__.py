"""Self-service: what people see who enroll, and of the devices they own."""
