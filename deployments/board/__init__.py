"""The fleet board: one named actor that holds what replicas report and what gateways share."""
