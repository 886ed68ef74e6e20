//! Connections, dialects, migrations, transactions, schema.
