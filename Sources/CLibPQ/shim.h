// libpq, PostgreSQL's own C client (https://www.postgresql.org/docs/current/libpq.html), version 14 or newer for its
// pipeline mode.
#include <libpq-fe.h>
