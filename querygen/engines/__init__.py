"""The engines that a query can run on."""
