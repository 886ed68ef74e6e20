//! What happens: commands, jobs, reconcilers.
