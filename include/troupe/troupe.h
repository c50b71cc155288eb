/* Troupe: actors with private state, bounded mailboxes, and supervisors that restart what fails.
 * This header is the core; <troupe/remote.h> and <troupe/process.h> need troupe::transport. */
#ifndef TROUPE_H
#define TROUPE_H

#include <troupe/actor.h>
#include <troupe/channel.h>
#include <troupe/embed.h>
#include <troupe/error.h>
#include <troupe/join.h>
#include <troupe/gather.h>
#include <troupe/group.h>
#include <troupe/link.h>
#include <troupe/local.h>
#include <troupe/message.h>
#include <troupe/moves.h>
#include <troupe/observe.h>
#include <troupe/service.h>
#include <troupe/shutdown.h>
#include <troupe/supervisor.h>
#include <troupe/topic.h>

#define TROUPE_VERSION "0.1.0"

#endif
