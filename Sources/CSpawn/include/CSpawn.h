// What posix_spawn can do beyond POSIX, which Swift's module of the C library does not show.
#pragma once

#include <spawn.h>

/// The program begins in that folder.
int parley_spawn_in(posix_spawn_file_actions_t *actions, const char *folder);

/// The program has none of our open files from that number on. Without effect where POSIX_SPAWN_CLOEXEC_DEFAULT does it.
int parley_spawn_without_files_from(posix_spawn_file_actions_t *actions, int first);
