/* metrics_table.h: every metric there is: METRIC(id, type, name, labels, help). /metrics and
 * docs/METRICS.md are views of it. Counters end in _total and only rise; no label has a value per
 * message, agent, thread or session, which have no bound. The names of process_* are those that
 * every exporter uses. */
#ifndef SIDECLAW_SURFACE_METRICS_TABLE_H
#define SIDECLAW_SURFACE_METRICS_TABLE_H

/* clang-format off: one row each */
#define SC_METRICS(METRIC)                                                                         \
    METRIC(BUILD_INFO, GAUGE, "sideclaw_build_info", "version", "1; the version is a label.")      \
    METRIC(UPTIME, GAUGE, "sideclaw_uptime_seconds", "", "Since the daemon started.")              \
    METRIC(SIGNED, GAUGE, "sideclaw_signed", "", "1 while a mesh key signs and checks envelopes.") \
    METRIC(CPU, COUNTER, "process_cpu_seconds_total", "",                                          \
           "Time of processors that the daemon used.")                                             \
    METRIC(FDS, GAUGE, "process_open_fds", "", "File descriptors that are open.")                  \
    METRIC(FDS_MAX, GAUGE, "process_max_fds", "", "How many may be; 0: no bound.")                 \
    METRIC(RESIDENT, GAUGE, "process_resident_memory_bytes", "",                                   \
           "Memory of the daemon that is in RAM.")                                                 \
    METRIC(VIRTUAL, GAUGE, "process_virtual_memory_bytes", "", "Addresses that it has mapped.")    \
    METRIC(START_TIME, GAUGE, "process_start_time_seconds", "",                                    \
           "When it started, in seconds since 1970.")                                              \
    /* messages */                                                                                 \
    METRIC(ACCEPTED, COUNTER, "sideclaw_messages_accepted_total", "",                              \
           "Messages committed to the outbox.")                                                    \
    METRIC(SENT, COUNTER, "sideclaw_messages_sent_total", "", "Messages that a transport took.")   \
    METRIC(RETRIED, COUNTER, "sideclaw_messages_retried_total", "", "Messages sent again.")        \
    METRIC(RECEIVED, COUNTER, "sideclaw_messages_received_total", "", "Messages that came in.")    \
    METRIC(DUPLICATES, COUNTER, "sideclaw_messages_duplicates_total", "",                          \
           "Messages that came in again and were not repeated.")                                   \
    METRIC(DELIVERED, COUNTER, "sideclaw_messages_delivered_total", "",                            \
           "Messages handed to an agent.")                                                         \
    METRIC(REPLIED, COUNTER, "sideclaw_messages_replied_total", "",                                \
           "Turns that ended with a reply.")                                                       \
    METRIC(DEAD, COUNTER, "sideclaw_messages_dead_total", "", "Messages given up, with a reason.") \
    METRIC(REJECTED, COUNTER, "sideclaw_messages_rejected_total", "",                              \
           "Unreadable or unsigned input put aside.")                                              \
    METRIC(RECEIPTS_IN, COUNTER, "sideclaw_receipts_received_total", "", "Receipts that came in.") \
    METRIC(RECEIPTS_OUT, COUNTER, "sideclaw_receipts_sent_total", "", "Receipts that went out.")   \
    METRIC(IN_FLIGHT, GAUGE, "sideclaw_messages_in_flight", "",                                    \
           "Messages a transport is sending now.")                                                 \
    METRIC(STAGE_TIME, HISTOGRAM, "sideclaw_message_stage_seconds",                                \
           "stage (stored, delivered, replied)",                                                   \
           "From a message's acceptance here until this sidecar knew that it had come so far; "    \
           "replies and deaths are not in it.")                                                    \
    METRIC(OUT, COUNTER, "sideclaw_transport_messages_out_total", "transport",                     \
           "Messages handed to a transport; one that went over two counts in both.")               \
    METRIC(IN, COUNTER, "sideclaw_transport_messages_in_total", "transport",                       \
           "Messages that a transport brought.")                                                   \
    METRIC(SEND_TIME, HISTOGRAM, "sideclaw_transport_send_seconds", "transport",                   \
           "From handing a message to a transport until that had it; failures are not in it.")     \
    METRIC(PEER_SIDECARS, GAUGE, "sideclaw_peer_sidecars", "",                                     \
           "Other sidecars that publish an address.")                                              \
    METRIC(PEER_ANSWERING, GAUGE, "sideclaw_peer_sidecars_answering", "",                          \
           "Those of them that answered last.")                                                    \
    METRIC(PEER_OUT, COUNTER, "sideclaw_peer_requests_out_total", "",                              \
           "Requests to other sidecars.")                                                          \
    METRIC(PEER_FAILED, COUNTER, "sideclaw_peer_requests_failed_total", "",                        \
           "Those that got no answer, or a refusal.")                                              \
    METRIC(PEER_IN, COUNTER, "sideclaw_peer_requests_in_total", "", "Requests to /peer.")          \
    METRIC(PEER_REFUSED, COUNTER, "sideclaw_peer_requests_refused_total", "why",                   \
           "Those that were turned away.")                                                         \
    METRIC(TRIMMED, COUNTER, "sideclaw_redis_trimmed_entries_total", "reason (age, length)",       \
           "Entries this sidecar trimmed from inbox streams before anybody took them.")            \
    METRIC(REDIS_PENDING, GAUGE, "sideclaw_redis_pending_sends", "",                               \
           "Sends that wait for Redis's answer.")                                                  \
    METRIC(REDIS_UNSETTLED, GAUGE, "sideclaw_redis_unsettled_entries", "",                         \
           "Entries read from Redis and not yet stored here.")                                     \
    /* spool */                                                                                    \
    METRIC(SPOOL, GAUGE, "sideclaw_spool_messages", "box (outbox, inbox, dead)",                   \
           "Messages on disk that are not settled, and dead letters.")                             \
    METRIC(DEAD_LETTERS, GAUGE, "sideclaw_dead_letters", "direction (out, in)",                    \
           "Dead, and neither retried nor dropped.")                                               \
    METRIC(AMBIGUOUS, GAUGE, "sideclaw_ambiguous_letters", "direction (out, in)",                  \
           "Those of them of which it cannot be known whether a turn ran.")                        \
    METRIC(KEPT, GAUGE, "sideclaw_spool_kept_messages", "",                                        \
           "Messages on disk, settled ones with them.")                                            \
    METRIC(LIMIT_MESSAGES, GAUGE, "sideclaw_spool_limit_messages", "",                             \
           "spool.max_messages; 0: no bound.")                                                     \
    METRIC(SPOOL_BYTES, GAUGE, "sideclaw_spool_bytes", "", "Size of the messages on disk.")        \
    METRIC(LIMIT_BYTES, GAUGE, "sideclaw_spool_limit_bytes", "", "spool.max_bytes; 0: no bound.")  \
    METRIC(FULL, COUNTER, "sideclaw_spool_full_total", "limit (spool, agent)",                     \
           "Messages refused for lack of room, by whose it is.")                                   \
    METRIC(COMMITS, COUNTER, "sideclaw_spool_commits_total", "", "Transactions committed.")        \
    METRIC(COMMIT_FAILURES, COUNTER, "sideclaw_spool_commit_failures_total", "",                   \
           "Turns whose writes were lost, and told so.")                                           \
    METRIC(COMMIT_TOTAL, COUNTER, "sideclaw_spool_commit_seconds_total", "",                       \
           "Time spent committing; the sum of the next one.")                                      \
    METRIC(COMMIT_TIME, HISTOGRAM, "sideclaw_spool_commit_seconds", "",                            \
           "Each commit, fsync and all: the loop does nothing else meanwhile.")                    \
    /* health */                                                                                   \
    METRIC(HEALTH, GAUGE, "sideclaw_health_status", "status (healthy, degraded, draining, dead)",  \
           "1 for the present verdict of the board.")                                              \
    METRIC(PAGE, GAUGE, "sideclaw_health_page_status", "page (health, traffic, live)",             \
           "What /health, /health/traffic and /health/live answer: 200, 429 or 503.")              \
    METRIC(SIGNAL_OK, GAUGE, "sideclaw_signal_ok", "signal",                                       \
           "1 while a signal is ok or switched off.")                                              \
    METRIC(SIGNAL_STATE, GAUGE, "sideclaw_signal_state",                                           \
           "signal, state (unknown, ok, starting, bad, off)",                                      \
           "1 for the present state of each signal.")                                              \
    METRIC(SIGNAL_SINCE, GAUGE, "sideclaw_signal_since_timestamp_seconds", "signal",               \
           "Since when it is in that state, in seconds since 1970.")                               \
    METRIC(PROBES, COUNTER, "sideclaw_probes_total",                                               \
           "probe, answer (good, bad, starting, silent, refused, none, off)",                      \
           "Looks at the gateway; none: it could not be asked, off: there is nothing to ask.")     \
    METRIC(PROBE_GOOD, GAUGE, "sideclaw_probe_good", "probe",                                      \
           "1 while its last answer was good; the signal also has patience.")                      \
    METRIC(PROBE_TIME, HISTOGRAM, "sideclaw_probe_seconds", "probe",                               \
           "How long each look took that somebody was asked in, up to its deadline.")              \
    METRIC(                                                                                        \
        REQUEST_TIME, HISTOGRAM, "sideclaw_gateway_request_seconds", "",                           \
        "Answers of the gateway over its WebSocket, but those that wait for the end of a turn.")   \
    METRIC(DRAIN_CAUSE, GAUGE, "sideclaw_drain_cause",                                             \
           "cause (operator, consul, gateway, signal, stop)", "1 while it asks for the drain.")    \
    METRIC(DRAIN_PHASE, GAUGE, "sideclaw_drain_phase",                                             \
           "phase (serving, leaving, handing_on, ready)", "1 for the present phase.")              \
    METRIC(DRAIN_SINCE, GAUGE, "sideclaw_drain_since_timestamp_seconds", "",                       \
           "When the drain began, in seconds since 1970; 0 while serving.")                        \
    METRIC(DRAIN_TURNS, GAUGE, "sideclaw_drain_turns", "",                                         \
           "Turns that run here; a drain waits for their end.")                                    \
    METRIC(DRAIN_LEASES, GAUGE, "sideclaw_drain_leases", "",                                       \
           "Leases that a drain has yet to hand on.")                                              \
    /* links */                                                                                    \
    METRIC(LINK_UP, GAUGE, "sideclaw_link_up", "link (gateway, redis, peer, consul)",              \
           "1 while the link to a dependency is up.")                                              \
    METRIC(LINK_UPS, COUNTER, "sideclaw_link_connects_total",                                      \
           "link (gateway, redis, peer, consul)",                                                  \
           "How often it came up: all but the first are reconnections.")                           \
    METRIC(WATCH_UP, GAUGE, "sideclaw_watch_up", "watch (agents, gateways, maintenance)",          \
           "1 while Consul answers this watch.")                                                   \
    METRIC(WATCH_ANSWERS, COUNTER, "sideclaw_watch_answers_total",                                 \
           "watch (agents, gateways, maintenance)", "Answers of Consul, with or without news.")    \
    METRIC(WATCH_FAILURES, COUNTER, "sideclaw_watch_failures_total",                               \
           "watch (agents, gateways, maintenance)", "Questions without one.")                      \
    METRIC(WATCH_RESETS, COUNTER, "sideclaw_watch_resets_total",                                   \
           "watch (agents, gateways, maintenance)",                                                \
           "Consul had gone back in time: restored, or started empty.")                            \
    METRIC(WATCH_TIME, GAUGE, "sideclaw_watch_answered_timestamp_seconds",                         \
           "watch (agents, gateways, maintenance)",                                                \
           "When it answered last, in seconds since 1970; 0: never.")                              \
    METRIC(SESSION, GAUGE, "sideclaw_consul_session", "",                                          \
           "1 while a session in Consul holds the names of this gateway and its agents.")          \
    METRIC(CONFLICTS, GAUGE, "sideclaw_name_conflicts", "",                                        \
           "Names of ours that another gateway holds.")                                            \
    /* what agents share */                                                                        \
    METRIC(AGENTS, GAUGE, "sideclaw_agents", "place (local, remote)",                              \
           "Agents in the view of the mesh.")                                                      \
    METRIC(GATEWAYS, GAUGE, "sideclaw_gateways", "status (dead, draining, degraded, healthy)",     \
           "Gateways in the view of the mesh.")                                                    \
    METRIC(MEMORY_AGENTS, GAUGE, "sideclaw_memory_agents", "",                                     \
           "Agents whose memory is copied here.")                                                  \
    METRIC(MEMORY_KEYS, GAUGE, "sideclaw_memory_keys", "", "Keys with a value in our copy.")       \
    METRIC(MEMORY_BYTES, GAUGE, "sideclaw_memory_bytes", "", "Size of them and their values.")     \
    METRIC(MEMORY_TOMBSTONES, GAUGE, "sideclaw_memory_tombstones", "",                             \
           "Deleted keys that are still remembered.")                                              \
    METRIC(MEMORY_UNSHARED, GAUGE, "sideclaw_memory_unshared", "",                                 \
           "Writes that Redis is not known to have.")                                              \
    METRIC(MEMORY_COMPARED, GAUGE, "sideclaw_memory_compared", "",                                 \
           "1 while our copy and Redis were compared to the end.")                                 \
    METRIC(MEMORY_WRITTEN, COUNTER, "sideclaw_memory_written_total", "",                           \
           "Keys set and deleted here.")                                                           \
    METRIC(MEMORY_MERGED, COUNTER, "sideclaw_memory_merged_total", "",                             \
           "Later writes of others that were taken over.")                                         \
    METRIC(MEMORY_LOST, COUNTER, "sideclaw_memory_lost_total", "",                                 \
           "Writes of ours that a later one overtook before Redis had them.")                      \
    METRIC(MEMORY_REFUSED, COUNTER, "sideclaw_memory_refused_total", "",                           \
           "Writes that Redis refused, being in its future.")                                      \
    METRIC(MEMORY_DRIFT, COUNTER, "sideclaw_memory_drift_total", "",                               \
           "Stamps of others too far in our future to follow.")                                    \
    METRIC(MEMORY_TOO_FULL, COUNTER, "sideclaw_memory_too_full_total", "",                         \
           "Keys of others that found no room here.")                                              \
    METRIC(EVENTS_PUSHED, COUNTER, "sideclaw_events_pushed_total", "",                             \
           "Events from here that reached Redis.")                                                 \
    METRIC(EVENTS_HEARD, COUNTER, "sideclaw_events_heard_total", "",                               \
           "Events heard here, from whomever.")                                                    \
    METRIC(EVENTS_DROPPED, COUNTER, "sideclaw_events_dropped_total", "",                           \
           "Events that waited for Redis and found no room.")                                      \
    METRIC(EVENTS_WAITING, GAUGE, "sideclaw_events_waiting", "", "Events that wait for Redis.")    \
    METRIC(TASKS_OPEN, GAUGE, "sideclaw_tasks_open", "", "Tasks pushed here that are not over.")   \
    METRIC(TASK_LEASES, GAUGE, "sideclaw_task_leases", "",                                         \
           "Tasks that agents here work on: leases they hold.")                                    \
    METRIC(TASK_RESULTS, GAUGE, "sideclaw_task_results_pending", "",                               \
           "Results kept here that their homes have not confirmed.")                               \
    METRIC(TASKS_PUSHED, COUNTER, "sideclaw_tasks_pushed_total", "", "Tasks pushed here.")         \
    METRIC(TASKS_PUT_BACK, COUNTER, "sideclaw_tasks_put_back_total", "",                           \
           "Tasks that Redis forgot and got again.")                                               \
    METRIC(TASKS_POPPED, COUNTER, "sideclaw_tasks_popped_total", "",                               \
           "Leases given to agents here.")                                                         \
    METRIC(TASKS_COMPLETED, COUNTER, "sideclaw_tasks_completed_total", "",                         \
           "Results of agents here that count.")                                                   \
    METRIC(TASKS_FAILED, COUNTER, "sideclaw_tasks_failed_total", "",                               \
           "Attempts of agents here that failed.")                                                 \
    METRIC(TASKS_STALE, COUNTER, "sideclaw_tasks_stale_total", "",                                 \
           "Words of agents here whose lease was over.")                                           \
    METRIC(TASK_RENEWALS, COUNTER, "sideclaw_task_renewals_total", "",                             \
           "Leases of agents here that began anew.")                                               \
    METRIC(MCP_CALLS, COUNTER, "sideclaw_mcp_calls_total", "", "Tools that agents called.")        \
    METRIC(MCP_FAILED, COUNTER, "sideclaw_mcp_failed_total", "",                                   \
           "Of these, those that ended with isError.")                                             \
    METRIC(MCP_REFUSED, COUNTER, "sideclaw_mcp_refused_total", "",                                 \
           "Messages of MCP clients that were no good request.")                                   \
    METRIC(MCP_SESSIONS, GAUGE, "sideclaw_mcp_sessions", "",                                       \
           "MCP clients on the control socket, and requests over HTTP, now.")
/* clang-format on */

#endif
