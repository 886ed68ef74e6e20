//! The engine's client to the agents.
