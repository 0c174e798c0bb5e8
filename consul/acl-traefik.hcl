# For Traefik's Consul catalog provider (consul/traefik-static.yaml): the gateways' entries with their
# checks, and the nodes they are on, whose addresses stand in when a service has none.
#
#   consul acl policy create -name openclaw-traefik -rules @consul/acl-traefik.hcl
#   consul acl token create -description "traefik" -policy-name openclaw-traefik
#
# Traefik takes the token as CONSUL_HTTP_TOKEN. Another service that it is to route to gets a block of
# its own.

service "openclaw-gateway" {
  policy = "read"
}

node_prefix "" {
  policy = "read"
}
