"""Pure routing: a RoutingRequest and pool states in, a RoutingDecision with its reasons out."""
