/* limits.h: the named bound of everything a peer, a file or a user can make large. */
#ifndef SIDECLAW_LIMITS_H
#define SIDECLAW_LIMITS_H

enum {
    SC_NAME_MAX = 128,        /* agent ids, gateway names, bytes */
    SC_PATH_MAX = 4096,       /* a file's name */
    SC_BODY_MAX = 256 * 1024, /* message body, bytes (DESIGN 4) */
    /* Bytes on any wire: a control byte of the body is six when escaped (\u0001); then the fields.
     */
    SC_ENVELOPE_MAX = 6 * SC_BODY_MAX + 64 * 1024,
    SC_KV_VALUE_MAX = 512 * 1024,  /* Consul's own limit */
    SC_KV_ENTRY_MAX = 1024 * 1024, /* one entry of a KV answer as JSON: base64 and its key */
    SC_KV_INFLIGHT_MAX = 1024,     /* messages read from KV and not yet stored here */
    SC_KV_CALLS_MAX = 32,     /* calls about messages under way at once; more take their turn */
    SC_KV_WAITING_MAX = 4096, /* those that do; SC_EBUSY above */
    SC_KV_WAITING_BYTES_MAX = 8 * 1024 * 1024, /* the same in bytes of bodies */
    SC_REJECTED_MAX = 360 * 1024, /* a put-aside value: base64 makes a transaction's 512 KiB */
    SC_VIEW_FILE_MAX = 64 * 1024 * 1024, /* directory.json, the last good view */
    SC_HTTP_BODY_MAX = SC_ENVELOPE_MAX,  /* request body on our HTTP surface */
    SC_HTTP_HEADERS_MAX = 16 * 1024,
    SC_HTTP_RESPONSE_MAX = 8 * 1024 * 1024, /* a whole answer we keep in memory */
    SC_RPC_LINE_MAX = SC_ENVELOPE_MAX,      /* one JSON-RPC line on the control socket */
    SC_CONTROL_CONNS_MAX = 64,              /* control-socket clients at once */
    SC_CONTROL_CALLS_MAX = 256,             /* unanswered calls of one of them; more are not read */
    SC_CONTROL_PENDING_MAX = 16 * 1024 * 1024, /* answers one of them leaves unread, bytes */
    SC_MCP_FRAME_MAX = SC_RPC_LINE_MAX, /* one frame of MCP, over HTTP or on the socket, bytes */
    SC_MCP_CONNS_MAX = 48, /* MCP sessions on the control socket: they leave room for its owner */
    SC_MCP_BATCH_MAX = 32, /* messages in a frame, where the revision has batches */
    SC_HTTP_CONNS_MAX = 256,
    SC_HTTP_PENDING_MAX = 32 * 1024 * 1024, /* unfinished requests over all of them, bytes */
    SC_WS_FRAME_MAX = 26214400,             /* the gateway's policy.maxPayload */
    SC_WS_PENDING_MAX =
        64 * 1024 * 1024,              /* written to the gateway and not yet taken by it, bytes */
    SC_GATEWAY_TURNS_MAX = 256,        /* turns running on our gateway at once */
    SC_HEALTH_WAIT_MAX_S = 24 * 3600,  /* `sideclaw wait` */
    SC_SPAWN_OUTPUT_MAX = 1024 * 1024, /* what a program prints that we run, bytes */
    SC_THREAD_MAX = 128,               /* thread name, bytes */
    SC_CONTENT_TYPE_MAX = 128,
    SC_TRACEPARENT_MAX = 128,
    SC_REASON_MAX = 256,
    SC_EXTRA_MAX = 16 * 1024, /* unknown envelope fields we carry on, bytes */
    SC_HOPS_MAX = 16,
    SC_VISITED_MAX = 17,
    SC_CAPABILITIES_MAX = 64, /* per agent */
    SC_LABELS_MAX = 64,
    SC_DESCRIPTION_MAX = 500,                /* of an agent by itself, bytes */
    SC_ABOUT_MAX = 64 * 1024,                /* the same with its labels, as JSON */
    SC_DECLARED_FILE_MAX = 64 * 1024 * 1024, /* agents.json, those who declared themselves */
    SC_LOCAL_AGENTS_MAX = 1000,              /* agents of one gateway */
    SC_AGENTS_MAX = 100000,                  /* agents in the mesh view */
    SC_GATEWAYS_MAX = 1000,
    SC_RECEIPTS_MAX = 512, /* receipts in one envelope */
    SC_TTL_MAX_S = 30 * 24 * 3600,
    SC_CHECK_MAX = 50,            /* rows of one look into an inbox by an agent */
    SC_CHECK_BODY_MAX = 2000,     /* bytes of each body in it; the rest is read one by one */
    SC_DISCOVER_DEFAULT = 50,     /* agents that an agent is shown unless it asks for more */
    SC_EVENT_TEXT_MAX = 2000,     /* what an event says, bytes */
    SC_EVENT_MAX = 16 * 1024,     /* one as JSON, escaped: larger ones are shown as cut text */
    SC_EVENTS_LIST_MAX = 1000,    /* kept in Redis; the oldest go */
    SC_EVENTS_HEARD_MAX = 256,    /* kept here for who listens */
    SC_EVENTS_WAITING_MAX = 512,  /* of ours while Redis is away; the oldest go */
    SC_EVENTS_RATE_MAX = 60,      /* of one agent a minute */
    SC_EVENTS_TRACKED_MAX = 4096, /* agents whose rate is watched */
    SC_EVENTS_BATCH_MAX = 32,     /* in one command to Redis */
    SC_SSE_CLIENTS_MAX = 32,      /* who listens at GET /events */
    SC_SSE_PENDING_MAX =
        1024 * 1024,                /* what one of them leaves unread, bytes; then it is cut off */
    SC_SHARED_EVENTS_MAX = 50,      /* in the shared document */
    SC_SHARED_TASKS_MAX = 200,      /* the same */
    SC_SHARED_BODY_MAX = 300,       /* of a task in it, bytes */
    SC_ADVICE_MAX = 50,             /* recommendations in theirs */
    SC_ADVICE_WAITING_MAX = 32,     /* of ours while Consul is away; the oldest go */
    SC_SHARED_DOC_MAX = 384 * 1024, /* a shared document: base64 makes a transaction's 512 KiB */
    SC_LIST_MAX = 1000,             /* rows in one list answer */
    SC_LIST_BYTES_MAX = 4 * 1024 * 1024, /* bodies in one list answer; it then says truncated */
    SC_WAIT_MAX_MS = 3600 * 1000,        /* how long one call may wait for a reply */
    SC_THREADS_TRACKED_MAX = 4096,       /* threads whose rate the loop guard watches */
    SC_WAITERS_MAX = 1024,               /* concurrent `ask` calls */
    SC_CONFIG_FILE_MAX = 1024 * 1024,
    SC_TLS_FILE_MAX =
        1024 * 1024, /* a bundle of authorities, a certificate with its chain, a key */
    SC_OPENCLAW_FILE_MAX = 4 * 1024 * 1024,       /* a gateway's openclaw.json that we edit */
    SC_JSON5_DEPTH_MAX = 64,                      /* of objects and lists in it */
    SC_JSON5_MEMBERS_MAX = 4096,                  /* of one object */
    SC_JSON5_NODES_MAX = 500000,                  /* values in all */
    SC_REDIS_PENDING_MAX = 4096,                  /* sends without an answer; SC_EBUSY above */
    SC_REDIS_PENDING_BYTES_MAX = 8 * 1024 * 1024, /* the same in bytes of envelopes */
    SC_REDIS_UNSETTLED_MAX = 1024,          /* drained entries not stored yet; then it waits */
    SC_REDIS_REPLY_MAX = 64 * 1024 * 1024,  /* an answer of Redis before it is whole */
    SC_REDIS_REJECTED_MAX = 1000,           /* entries of a `rejected` stream */
    SC_REDIS_SENTINELS_MAX = 16,            /* listed in redis.url; asked all at once */
    SC_MEMORY_KEY_MAX = 256,                /* bytes of a key of an agent's memory */
    SC_MEMORY_VALUE_MAX = 256 * 1024,       /* of its value */
    SC_MEMORY_TTL_MAX_S = 366 * 24 * 3600,  /* after which it may be told to go */
    SC_MEMORY_BATCH_MAX = 64,               /* keys in one exchange with Redis */
    SC_MEMORY_BATCH_BYTES_MAX = 512 * 1024, /* the same in bytes of values, but for a single one */
    SC_MEMORY_WANTED_MAX = 4096, /* keys heard of and not read yet; then all are compared */
    SC_MEMORY_AGENTS_MAX = 4096, /* agents whose memory is copied here */
    SC_MEMORY_LOOKS_MAX = 1024,  /* calls that wait for Redis's word */
    SC_TASK_ID_MAX = 64,
    SC_TASK_BODY_MAX = 64 * 1024,   /* and of a result */
    SC_TASK_ENTRY_MAX = 512 * 1024, /* one entry of the list, as JSON: a body may be escaped */
    SC_TASK_REASON_MAX = 1024,
    SC_TASK_ATTEMPTS_MAX = 1000,
    SC_TASK_TIME_MAX_S = 30 * 24 * 3600, /* a lease, a delay, a timeout */
    SC_TASK_BACKOFF_MAX_MS = 3600 * 1000,
    SC_TASKS_OPEN_MAX = 100000,    /* in the mesh's queue */
    SC_TASKS_HOME_MAX = 20000,     /* open ones that one gateway is the home of */
    SC_TASKS_ENDS_MAX = 20000,     /* results of one gateway that their homes have not confirmed */
    SC_TASKS_FINISHED_MAX = 10000, /* finished ones that are remembered */
    SC_TASKS_REJECTED_MAX = 1000,
    SC_TASKS_CALLS_MAX = 4096, /* surfaces' calls under way */
    SC_PEER_URL_MAX = 300,
    SC_PEER_BATCH_MAX = 256,             /* envelopes in one request to another sidecar */
    SC_PEER_BODY_MAX = SC_HTTP_BODY_MAX, /* bytes of them: the largest envelope fits */
    SC_PEER_ANSWER_MAX = 512 * 1024,     /* a refusal or a receipt a line */
    SC_PEER_REQUESTS_MAX = 2,            /* unanswered ones to one sidecar: more batch, not race */
    SC_PEER_PENDING_MAX = 4096,          /* envelopes waiting for one; SC_EBUSY above */
    SC_PEER_PENDING_BYTES_MAX = 8 * 1024 * 1024, /* the same in bytes, over all sidecars */
    SC_PEER_SESSIONS_MAX = 4096,                 /* senders whose request numbers are remembered */
    SC_PEER_SKEW_MAX_S = 300                     /* how far two clocks may be apart */
};

#endif
