//! Where it is kept: queries, one file per noun.
