# For Prometheus's discovery of the sidecars (consul/prometheus.yml).
#
#   consul acl policy create -name openclaw-prometheus -rules @consul/acl-prometheus.hcl
#   consul acl token create -description "prometheus" -policy-name openclaw-prometheus

# Under Nomad each sidecar is the service sideclaw; elsewhere it is found by its gateway.
service "sideclaw" {
  policy = "read"
}

service "openclaw-gateway" {
  policy = "read"
}

node_prefix "" {
  policy = "read"
}

# Prometheus asks the agent for the name of its data center.
agent_prefix "" {
  policy = "read"
}
