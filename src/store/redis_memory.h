/* redis_memory.h: the scripts of the agents' memory, whose files say what they take and give back.
 */
#ifndef SIDECLAW_STORE_REDIS_MEMORY_H
#define SIDECLAW_STORE_REDIS_MEMORY_H

extern const char sc_redis_memory_exchange[], sc_redis_memory_changes[];

#endif
