#!/bin/sh
# Makes (or changes) the prepared query openclaw-gateway: "a gateway that takes requests, near me, and in
# another data center when there is none here". Apply it with CONSUL_HTTP_ADDR and CONSUL_HTTP_TOKEN set
# as for the consul command; with ACLs that token needs the policy of consul/acl-operator.hcl:
#
#   sh consul/prepared-query.sh
#
# Then
#   dig @127.0.0.1 -p 8600 openclaw-gateway.query.consul SRV
#   curl http://127.0.0.1:8500/v1/query/openclaw-gateway/execute
# Who asks needs `service "openclaw-gateway"` and `node_prefix ""` with read; for DNS that is the agent's
# default token.
set -eu

addr=${CONSUL_HTTP_ADDR:-http://127.0.0.1:8500}
case $addr in *://*) ;; *) addr=http://$addr ;; esac

# The token goes to curl by its standard input: arguments are for everybody to read.
ask() { # ask METHOD PATH [BODY]
  printf 'header = "X-Consul-Token: %s"\n' "${CONSUL_HTTP_TOKEN:-}" |
    curl --fail --silent --show-error --config - --request "$1" ${3:+--data "$3"} "$addr/v1/$2"
}

# OnlyPassing is false on purpose: a warning is a degraded gateway (Redis is away, say), and it serves.
# Critical ones, those that are draining, starting or dead, never come back from a query.
query='{
  "Name": "openclaw-gateway",
  "Service": {
    "Service": "openclaw-gateway",
    "OnlyPassing": false,
    "Near": "_agent",
    "Failover": { "NearestN": 3 }
  },
  "DNS": { "TTL": "5s" }
}'

id=$(ask GET query | tr -d '[:space:]' | tr '{' '\n' | sed -n 's/.*"ID":"\([^"]*\)","Name":"openclaw-gateway".*/\1/p')
if [ -n "$id" ]; then
  ask PUT "query/$id" "$query" > /dev/null
  echo "changed openclaw-gateway ($id)"
else
  ask POST query "$query" > /dev/null
  echo "made openclaw-gateway"
fi
