//! References to secrets, the registry that resolves them, and the traits that backends and logins implement.
