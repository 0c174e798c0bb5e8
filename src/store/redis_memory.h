/* redis_memory.h: the scripts of the agents' memory; redis_memory.c calls them. */
#ifndef SIDECLAW_STORE_REDIS_MEMORY_H
#define SIDECLAW_STORE_REDIS_MEMORY_H

/* Keys of one agent, given or compared. KEYS: the hash of its stamps, the stream of changes.
 * ARGV: first part of the values' keys, stamp for what others wrote, horizon, drift, bytes of the
 * largest value, bytes of all values in the answer, the agent, "give" or "ask"; then of each entry
 * its key, its stamp as text (or ""), its value.
 * Answer: of each entry a letter; with V also the stamp and the value (nil: a tombstone). */
extern const char sc_redis_memory_exchange[];

/* What changed. KEYS: the stream of changes, a key with the name of this Redis's life. ARGV: the
 * last entry seen ("": none yet), a name for a new life, how many entries at most.
 * Answer: name of the life, last entry, 1 when some may be missing, 1 when there are more, then
 * agent, key, stamp of each. */
extern const char sc_redis_memory_changes[];

#endif
