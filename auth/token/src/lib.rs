//! Login with a configured token, from text or a file.
