#pragma once
// Debian has libpq's headers in a separate folder, other systems directly on the include path.
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif
