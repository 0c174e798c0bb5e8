# For people who look after the mesh: everything in its tree, its catalog entries and their maintenance
# mode, its sessions, and the prepared query.
#
#   consul acl policy create -name openclaw-operator -rules @consul/acl-operator.hcl
#   consul acl token create -description "openclaw operator" -policy-name openclaw-operator

key_prefix "openclaw/" {
  policy = "write"
}

service "openclaw-gateway" {
  policy = "write"
}

service "sideclaw" {
  policy = "read"
}

node_prefix "" {
  policy = "read"
}

# Who holds which lock, and to break one (consul/prepared-query.sh needs none of it).
session_prefix "" {
  policy = "write"
}

query_prefix "openclaw-gateway" {
  policy = "write"
}
