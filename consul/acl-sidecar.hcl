# What a sidecar may do in Consul, and nothing more. Make a token with it and give it to the sidecar in
# the file that consul.token_file names (it is read again on SIGHUP), or as CONSUL_HTTP_TOKEN:
#
#   consul acl policy create -name sideclaw -rules @consul/acl-sidecar.hcl
#   consul acl token create -description "sideclaw on $(hostname)" -policy-name sideclaw
#
# To change it later: consul acl policy update -name sideclaw -rules @consul/acl-sidecar.hcl
# Under Nomad with workload identities (var.consul_acl of the jobs) attach it to the role of the tasks:
# consul acl role update -name nomad-tasks-default -policy-name sideclaw
#
# What the token may not do is a fault of the sidecar's `consul` signal, which names the key.
#
# With another cluster.prefix, replace "openclaw/" below. A fresh token is "ACL not found" on some
# servers for up to two seconds; the sidecar tries again by itself.

# The whole mesh may be seen: where agents live, the routing rules, who owns what. What is not named
# below (routes/, channels/, providers/ and what you put there yourself) stays read-only.
key_prefix "openclaw/" {
  policy = "read"
}

# The mesh's name, its members, and the lock of the sidecar that cleans up after the dead.
key_prefix "openclaw/cluster/" {
  policy = "write"
}

# Its own gateway's keys; the mailboxes of others, when a message goes through Consul; and as the one
# that cleans up, the status of a gateway or an agent that died. Consul's rules know prefixes, not
# patterns, so "only its own" cannot be said: a sidecar is trusted by the mesh as a whole.
key_prefix "openclaw/gateways/" {
  policy = "write"
}

key_prefix "openclaw/agents/" {
  policy = "write"
}

# What is told to everybody: current-tasks, recent-events, recommendations.
key_prefix "openclaw/shared/" {
  policy = "write"
}

# The session that holds our keys. It belongs to the node of the agent we talk to; where the names of
# the nodes are known, `session "<node>"` is narrower.
session_prefix "" {
  policy = "write"
}

# The checks of our node: whether it is in maintenance mode, which drains the gateway. Where the names of the
# nodes are known, `node "<node>"` is narrower.
node_prefix "" {
  policy = "read"
}

# Our entry in the catalog with its checks (consul.register_service): to look whether it is still there,
# to put it there, to tell its checks (consul.check_type = "ttl"), to take it away.
service "openclaw-gateway" {
  policy = "write"
}
