//! KV v1 and v2 of HashiCorp Vault and OpenBao as a Strongroom backend.
