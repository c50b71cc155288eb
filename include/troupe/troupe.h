/* Troupe: actors with private state, bounded mailboxes, and supervisors that restart what fails.
 * This header is the core; <troupe/remote.h>, <troupe/far_child.h> and <troupe/process.h> need
 * troupe::transport. */
#ifndef TROUPE_H
#define TROUPE_H

#include <troupe/actor.h>
#include <troupe/ask.h>
#include <troupe/build.h>
#include <troupe/channel.h>
#include <troupe/delivery.h>
#include <troupe/embed.h>
#include <troupe/error.h>
#include <troupe/join.h>
#include <troupe/gather.h>
#include <troupe/group.h>
#include <troupe/inspect.h>
#include <troupe/link.h>
#include <troupe/local.h>
#include <troupe/machine.h>
#include <troupe/message.h>
#include <troupe/moves.h>
#include <troupe/observe.h>
#include <troupe/owned.h>
#include <troupe/pool.h>
#include <troupe/room.h>
#include <troupe/service.h>
#include <troupe/shutdown.h>
#include <troupe/stash.h>
#include <troupe/supervisor.h>
#include <troupe/topic.h>

#define TROUPE_VERSION "0.1.0"

#endif
