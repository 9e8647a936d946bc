//! Credential files for Strongroom logins: read afresh, checked, never printed.
