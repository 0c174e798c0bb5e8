# For agents and scripts that only use the mailbox by hand: look at the mesh, put messages into inboxes
# and outboxes, read what was rejected. Not enough to pass for a gateway: its keys stay read-only.
#
#   consul acl policy create -name openclaw-mail -rules @consul/acl-agent-tools.hcl
#   consul acl token create -description "mail to bobby" -policy-name openclaw-mail
#
# Consul's rules match a prefix, not a pattern, so name the agents that may be written to; repeat the
# two blocks for each.

key_prefix "openclaw/" {
  policy = "read"
}

key_prefix "openclaw/agents/bobby/inbox/" {
  policy = "write"
}

key_prefix "openclaw/agents/bobby/outbox/" {
  policy = "write"
}
