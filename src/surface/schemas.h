/* schemas.h: what the operations give back, as JSON schema. An apostrophe stands for a quotation
 * mark (schema.c puts it back), so that a person can read it here. */
#ifndef SIDECLAW_SURFACE_SCHEMAS_H
#define SIDECLAW_SURFACE_SCHEMAS_H

#define T_TEXT "{'type':'string'}"
#define T_TEXT_OR_NULL "{'type':['string','null']}"
#define T_INT "{'type':'integer'}"
#define T_BOOL "{'type':'boolean'}"
#define T_ANY_OBJECT "{'type':'object'}"
#define T_COUNTS "{'type':'object','additionalProperties':" T_INT "}"
#define T_LIST_OF(item) "{'type':'array','items':" item "}"
#define T_TEXTS T_LIST_OF(T_TEXT)
#define T_OBJECT(required, properties)                                                             \
    "{'type':'object','required':[" required "],'properties':{" properties "}}"

#define T_ADDRESS T_OBJECT("'agent'", "'agent':" T_TEXT_OR_NULL ",'gateway':" T_TEXT_OR_NULL)

#define T_STEP T_OBJECT("'stage','at'", "'stage':" T_TEXT ",'at':" T_TEXT ",'after_ms':" T_INT)

#define T_MESSAGE                                                                                  \
    T_OBJECT("'id','direction','kind','stage','from','to'",                                        \
             "'id':" T_TEXT ","                                                                    \
             "'direction':{'enum':['in','out']},"                                                  \
             "'kind':{'enum':['message','reply','event']},"                                        \
             "'stage':" T_TEXT ","                                                                 \
             "'reason':" T_TEXT_OR_NULL ","                                                        \
             "'ambiguous':" T_BOOL ","                                                             \
             "'from':" T_ADDRESS ","                                                               \
             "'to':" T_ADDRESS ","                                                                 \
             "'thread':" T_TEXT_OR_NULL ","                                                        \
             "'in_reply_to':" T_TEXT_OR_NULL ","                                                   \
             "'replied_by':" T_TEXT_OR_NULL ","                                                    \
             "'timestamp':" T_TEXT_OR_NULL ","                                                     \
             "'acked':" T_BOOL ","                                                                 \
             "'attempts':" T_INT ","                                                               \
             "'via':" T_TEXT_OR_NULL ","                                                           \
             "'next_attempt':" T_TEXT_OR_NULL ","                                                  \
             "'last_error':" T_TEXT_OR_NULL ","                                                    \
             "'retry_of':" T_TEXT ","                                                              \
             "'retried_as':" T_TEXT ","                                                            \
             "'revived':" T_TEXT ","                                                               \
             "'history':" T_LIST_OF(                                                               \
                 T_STEP) ","                                                                       \
                         "'times':{'type':'object','additionalProperties':" T_TEXT "},"            \
                         "'content_type':" T_TEXT ","                                              \
                         "'body':" T_TEXT)

#define T_SENT                                                                                     \
    T_OBJECT("'id','stage','from','to'", "'id':" T_TEXT ","                                        \
                                         "'stage':" T_TEXT ","                                     \
                                         "'from':" T_TEXT ","                                      \
                                         "'to':" T_TEXT ","                                        \
                                         "'gateway':" T_TEXT_OR_NULL ","                           \
                                         "'reason':" T_TEXT ","                                    \
                                         "'timed_out':" T_BOOL ","                                 \
                                         "'reply':{'anyOf':[{'type':'null'}," T_MESSAGE "]}")

#define T_INBOX                                                                                    \
    T_OBJECT("'agent','messages'",                                                                 \
             "'agent':" T_TEXT ",'messages':" T_LIST_OF(T_MESSAGE) ",'truncated':" T_BOOL)
#define T_OUTBOX T_OBJECT("'messages'", "'messages':" T_LIST_OF(T_MESSAGE) ",'truncated':" T_BOOL)
#define T_DEAD                                                                                     \
    T_OBJECT("'messages','total'", "'messages':" T_LIST_OF(T_MESSAGE) ",'total':" T_COUNTS)
#define T_DIRECTED                                                                                 \
    "'id':" T_TEXT ","                                                                             \
    "'direction':{'enum':['in','out']}"
#define T_RETRIED T_OBJECT("'id','retried_as'", T_DIRECTED ",'retried_as':" T_TEXT)
#define T_DROPPED T_OBJECT("'id','dropped'", T_DIRECTED ",'dropped':" T_BOOL)
#define T_REFUSED T_OBJECT("'id','reason'", "'id':" T_TEXT ",'reason':" T_TEXT ",'remedy':" T_TEXT)
#define T_MANY(done)                                                                               \
    T_OBJECT("'" done "','refused','more'", "'" done "':" T_INT ",'refused':" T_INT                \
                                            ",'reasons':" T_LIST_OF(T_REFUSED) ",'more':" T_BOOL)
#define T_MAIL                                                                                     \
    T_OBJECT("'id','from','kind','body'",                                                          \
             "'id':" T_TEXT ",'from':" T_TEXT ",'gateway':" T_TEXT ",'kind':" T_TEXT               \
             ",'timestamp':" T_TEXT_OR_NULL ",'thread':" T_TEXT ",'in_reply_to':" T_TEXT           \
             ",'body':" T_TEXT ",'body_bytes':" T_INT)
#define T_CHECKED                                                                                  \
    T_OBJECT("'agent','messages','more'", "'agent':" T_TEXT ",'messages':" T_LIST_OF(              \
                                              T_MAIL) ",'more':" T_BOOL ",'note':" T_TEXT)
#define T_MESSAGE_STATUS                                                                           \
    T_OBJECT("'id','stage','from','to','settled'",                                                 \
             "'id':" T_TEXT ",'stage':" T_TEXT ",'from':" T_TEXT ",'to':" T_TEXT                   \
             ",'gateway':" T_TEXT_OR_NULL ",'reason':" T_TEXT ",'timestamp':" T_TEXT_OR_NULL       \
             ",'settled':" T_BOOL ",'attempts':" T_INT ",'via':" T_TEXT_OR_NULL                    \
             ",'last_error':" T_TEXT_OR_NULL ",'reply':" T_MAIL)
#define T_REPLIED                                                                                  \
    T_OBJECT("'id','stage','from','to','in_reply_to'",                                             \
             "'id':" T_TEXT ",'stage':" T_TEXT ",'from':" T_TEXT ",'to':" T_TEXT                   \
             ",'gateway':" T_TEXT_OR_NULL ",'reason':" T_TEXT ",'in_reply_to':" T_TEXT)
#define T_EVENT                                                                                    \
    T_OBJECT("'text'", "'id':" T_TEXT ",'at':" T_TEXT ",'kind':" T_TEXT ",'agent':" T_TEXT         \
                       ",'gateway':" T_TEXT ",'text':" T_TEXT)
#define T_EVENTS T_OBJECT("'events'", "'events':" T_LIST_OF(T_EVENT) ",'note':" T_TEXT)
#define T_EVENTS_SINCE T_OBJECT("'events','next'", "'events':" T_LIST_OF(T_EVENT) ",'next':" T_INT)
#define T_PUSHED T_OBJECT("'id'", "'id':" T_TEXT)
#define T_REGISTERED                                                                               \
    T_OBJECT("'agent','gateway','changed','woken'",                                                \
             "'agent':" T_TEXT ",'gateway':" T_TEXT ",'changed':" T_BOOL                           \
             ",'capabilities':" T_TEXTS ",'labels':" T_TEXTS ",'woken':" T_BOOL)
#define T_ACKED T_OBJECT("'id','acked'", "'id':" T_TEXT ",'acked':" T_BOOL)

#define T_AGENT                                                                                    \
    T_OBJECT("'id','status','local'", "'id':" T_TEXT ","                                           \
                                      "'gateway':" T_TEXT_OR_NULL ","                              \
                                      "'status':{'enum':['active','busy','offline']},"             \
                                      "'capabilities':" T_TEXTS ","                                \
                                      "'reachable':" T_BOOL ","                                    \
                                      "'via':" T_TEXT_OR_NULL ","                                  \
                                      "'load':" T_INT ","                                          \
                                      "'local':" T_BOOL ","                                        \
                                      "'description':" T_TEXT ","                                  \
                                      "'labels':" T_TEXTS ","                                      \
                                      "'last_seen':" T_TEXT_OR_NULL)
#define T_AGENTS T_OBJECT("'agents'", "'agents':" T_LIST_OF(T_AGENT) ",'more':" T_INT)

#define T_TOKEN                                                                                    \
    T_OBJECT("'agent','token'", "'agent':" T_TEXT ",'token':" T_TEXT ",'url':" T_TEXT_OR_NULL)

#define T_GATEWAY                                                                                  \
    T_OBJECT("'name','status','self'",                                                             \
             "'name':" T_TEXT ","                                                                  \
             "'status':{'enum':['healthy','degraded','draining','dead']},"                         \
             "'url':" T_TEXT_OR_NULL ","                                                           \
             "'peer_url':" T_TEXT_OR_NULL ","                                                      \
             "'agents':" T_TEXTS ","                                                               \
             "'labels':" T_TEXTS ","                                                               \
             "'turns':" T_INT ","                                                                  \
             "'self':" T_BOOL ","                                                                  \
             "'last_heartbeat':" T_TEXT_OR_NULL)
#define T_GATEWAYS T_OBJECT("'gateways'", "'gateways':" T_LIST_OF(T_GATEWAY))

#define T_MEMORY_KEY                                                                               \
    "'key':" T_TEXT ",'value':" T_TEXT ",'bytes':" T_INT ",'written':" T_TEXT_OR_NULL              \
    ",'by':" T_TEXT ",'expires':" T_TEXT_OR_NULL ",'shared':" T_BOOL
#define T_FROM "'from':{'enum':['redis','copy']}"
/* What a tool shows of these is what is required: the fewer, the fewer tokens. */
#define T_MEMORY T_OBJECT("'key','value'", "'agent':" T_TEXT "," T_MEMORY_KEY "," T_FROM)
#define T_MEMORY_SET T_OBJECT("'key','bytes'", "'agent':" T_TEXT "," T_MEMORY_KEY)
#define T_MEMORY_LIST                                                                              \
    T_OBJECT("'keys','truncated'",                                                                 \
             "'agent':" T_TEXT ",'keys':" T_LIST_OF(T_OBJECT(                                      \
                 "'key','bytes','written','by'", T_MEMORY_KEY)) ",'truncated':" T_BOOL "," T_FROM)
#define T_MEMORY_DELETED                                                                           \
    T_OBJECT("'deleted'", "'agent':" T_TEXT ",'key':" T_TEXT ",'deleted':" T_BOOL)

#define T_LINK T_OBJECT("'state'", "'state':" T_TEXT ",'detail':" T_TEXT ",'remedy':" T_TEXT)
#define T_LINKS                                                                                    \
    T_OBJECT("'gateway','redis','peer','consul'",                                                  \
             "'gateway':" T_LINK ",'redis':" T_LINK ",'peer':" T_LINK ",'consul':" T_LINK)
#define T_CAUSE T_OBJECT("'by','why'", "'by':" T_TEXT ",'why':" T_TEXT)
#define T_DRAIN                                                                                    \
    T_OBJECT("'phase','ready','causes','turns','leases'",                                          \
             "'phase':{'enum':['serving','leaving','handing_on','ready']},"                        \
             "'ready':" T_BOOL ",'since':" T_TEXT_OR_NULL                                          \
             ",'causes':" T_LIST_OF(T_CAUSE) ",'turns':" T_INT ",'leases':" T_INT                  \
                                             ",'kept':" T_BOOL ",'timed_out':" T_BOOL)
#define T_STATUS                                                                                   \
    T_OBJECT("'gateway','version','pid','health','reasons','links','spool','counters'",            \
             "'gateway':" T_TEXT ","                                                               \
             "'version':" T_TEXT ","                                                               \
             "'pid':" T_INT ","                                                                    \
             "'uptime_s':" T_INT ","                                                               \
             "'health':" T_TEXT ","                                                                \
             "'reasons':" T_TEXTS ","                                                              \
             "'drain':{'anyOf':[{'type':'null'}," T_DRAIN "]},"                                    \
             "'signed':" T_BOOL ","                                                                \
             "'default_agent':" T_TEXT ","                                                         \
             "'links':" T_LINKS ","                                                                \
             "'spool':" T_COUNTS ","                                                               \
             "'memory':" T_ANY_OBJECT ","                                                          \
             "'spool_path':" T_TEXT ","                                                            \
             "'counters':" T_COUNTS ","                                                            \
             "'last_rejected':" T_TEXT ","                                                         \
             "'conflicts':" T_LIST_OF(T_ANY_OBJECT))

#define T_SIGNAL                                                                                   \
    T_OBJECT("'name','state','since','detail','last_error','last_error_at'",                       \
             "'name':" T_TEXT ","                                                                  \
             "'state':{'enum':['unknown','ok','starting','bad','off']},"                           \
             "'since':" T_TEXT_OR_NULL ","                                                         \
             "'detail':" T_TEXT ","                                                                \
             "'remedy':" T_TEXT ","                                                                \
             "'last_error':" T_TEXT ","                                                            \
             "'last_error_at':" T_TEXT_OR_NULL)
#define T_HEALTH                                                                                   \
    T_OBJECT("'status','reasons','pages','signals'",                                               \
             "'status':{'enum':['healthy','degraded','draining','dead']},"                         \
             "'reasons':" T_TEXTS ","                                                              \
             "'pages':" T_COUNTS ","                                                               \
             "'signals':" T_LIST_OF(T_SIGNAL))

#define T_CHANGE                                                                                   \
    T_OBJECT("'op','path','value'",                                                                \
             "'op':{'enum':['add','change','remove']},'path':" T_TEXT ",'value':{}")
#define T_INSTALLED                                                                                \
    T_OBJECT("'way','changed','dry_run','changes'", "'way':{'enum':['gateway','file']},"           \
                                                    "'path':" T_TEXT_OR_NULL ","                   \
                                                    "'changed':" T_BOOL ","                        \
                                                    "'dry_run':" T_BOOL ","                        \
                                                    "'changes':" T_LIST_OF(T_CHANGE))
#define T_SERVERS T_OBJECT("'servers'", "'servers':" T_ANY_OBJECT)
/* Few words: models read this, too. The rest of a task is in the documents. */
#define T_TASK_STATE T_OBJECT("'id','state'", "'id':" T_TEXT ",'state':" T_TEXT)
#define T_TASK                                                                                     \
    T_OBJECT("'id','state'",                                                                       \
             "'id':" T_TEXT ",'state':" T_TEXT ",'body':" T_TEXT ",'fence':" T_TEXT                \
             ",'holder':" T_TEXT ",'result':" T_TEXT ",'reason':" T_TEXT)
#define T_POPPED T_OBJECT("'task'", "'task':{'anyOf':[{'type':'null'}," T_TASK "]}")
#define T_TASKS                                                                                    \
    T_OBJECT("'tasks','open','unread'",                                                            \
             "'tasks':" T_LIST_OF(T_TASK) ",'open':" T_INT ",'unread':" T_INT)

#define T_OPERATIONS T_OBJECT("'operations'", "'operations':" T_LIST_OF(T_ANY_OBJECT))

#endif
