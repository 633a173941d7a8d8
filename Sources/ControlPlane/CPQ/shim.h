#pragma once
// Debian keeps libpq's headers in a folder of their own; other systems on the include path.
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif
