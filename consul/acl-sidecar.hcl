# What a sidecar may do in Consul, and nothing more. Make a token with it and give it to the sidecar as
# CONSUL_HTTP_TOKEN or in the file that consul.token_file names:
#
#   consul acl policy create -name sideclaw -rules @consul/acl-sidecar.hcl
#   consul acl token create -description "sideclaw on $(hostname)" -policy-name sideclaw
#
# With another cluster.prefix, replace "openclaw/" below. A fresh token is "ACL not found" on some
# servers for up to two seconds; the sidecar tries again by itself.

# The directory, the mailboxes, the locks.
key_prefix "openclaw/" {
  policy = "write"
}

# The session that holds our keys. A session belongs to the node of the agent we talk to; where the names
# of the nodes are known, `session "<node>"` is narrower.
session_prefix "" {
  policy = "write"
}

# The checks of our node: whether it is in maintenance mode, which drains the gateway. Where the names of the
# nodes are known, `node "<node>"` is narrower.
node_prefix "" {
  policy = "read"
}

# Our entry in the catalog, with its health check (consul.register_service).
service "openclaw-gateway" {
  policy = "write"
}
