%% Two nodes of Erlang distribution, over TCP on the loopback interface: there is no other carrier
%% in a plain OTP. A message is {N, Binary} with 56 bytes; Erlang has no bound and no credit, but
%% a sender is suspended while the connection is busy.
-module(bench_nodes).
-export([run/4, receiver/1]).

run(Bench, Messages, Trips, Mib) ->
    Id = integer_to_list(erlang:unique_integer([positive])) ++ os:getpid(),
    os:cmd("ERL_EPMD_ADDRESS=127.0.0.1 epmd -daemon"), % as `erl -sname` does
    {ok, _} = net_kernel:start([list_to_atom("sender" ++ Id), shortnames]),
    Name = list_to_atom("receiver" ++ Id ++ "@" ++ host()),
    Port = open_port({spawn_executable, os:find_executable("erl")},
                     [{args, ["-sname", "receiver" ++ Id, "-setcookie",
                              atom_to_list(erlang:get_cookie()), "-noshell", "-noinput", "-pa",
                              filename:dirname(code:which(?MODULE)), "-run", ?MODULE, "receiver",
                              atom_to_list(node())]}]),
    await(Name, 200),
    Sink = spawn(Name, fun() -> serve() end),
    one_way(Sink, Messages div 10 + 1, item()),
    Ns = one_way(Sink, Messages, item()),
    bench:result(Bench, "one-way", Messages * 1.0e3 / Ns, "M/s"),
    trips(Sink, Trips div 10 + 1),
    bench:percentiles(Bench, trips(Sink, Trips), false),
    Big = one_way(Sink, Mib, binary:copy(<<0>>, 1048576)),
    bench:result(Bench, "mebibytes", Mib * 1.0e9 / Big, "MiB/s"),
    rpc:cast(Name, erlang, halt, []),
    catch port_close(Port).

host() -> lists:nth(2, string:split(atom_to_list(node()), "@")).

item() -> binary:copy(<<7>>, 56).

await(_, 0) -> exit(no_receiver);
await(Name, Tries) ->
    case net_adm:ping(Name) of
        pong -> ok;
        pang -> timer:sleep(50), await(Name, Tries - 1)
    end.

%% Ends with the sender.
receiver([Sender]) ->
    Node = list_to_atom(Sender),
    pong = net_adm:ping(Node),
    erlang:monitor_node(Node, true),
    receive {nodedown, Node} -> halt(0) end.

serve() ->
    receive
        {expect, From, Count} -> process_flag(message_queue_data, off_heap), sink(Count),
                                 From ! done, serve();
        {ping, From, Number, Item} -> From ! {pong, Number, Item}, serve()
    end.

sink(0) -> ok;
sink(Left) -> receive {_, Item} when is_binary(Item) -> sink(Left - 1) end.

one_way(Sink, Count, Item) ->
    Began = bench:now_ns(),
    Sink ! {expect, self(), Count},
    source(Sink, Count, Item),
    receive done -> bench:now_ns() - Began end.

source(_, 0, _) -> ok;
source(Sink, Left, Item) -> Sink ! {Left, Item}, source(Sink, Left - 1, Item).

trips(Sink, Count) -> [trip(Sink, Number) || Number <- lists:seq(1, Count)].

trip(Sink, Number) ->
    Began = bench:now_ns(),
    Sink ! {ping, self(), Number, item()},
    receive {pong, Number, _} -> bench:now_ns() - Began end.
