//! References to secrets in the configuration of proxies and servers, read at memory speed.
