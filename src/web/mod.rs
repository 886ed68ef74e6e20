//! Pages, REST API, consoles.
