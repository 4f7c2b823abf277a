// hiredis, Redis's own C client (https://github.com/redis/hiredis): the synchronous interface only.
// Functions that take a format string are variadic, so Swift does not see them, which suits us: commands are made of
// bound parameters with their lengths (redisAppendCommandArgv), never of formatted text.
#include <sys/time.h>
#include <hiredis/hiredis.h>
