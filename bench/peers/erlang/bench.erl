%% The benchmarks in Erlang: erl -run bench main NAME [COUNT...]. An actor is a process. Mailboxes
%% have no bound, so no sender ever waits or is refused. Processes that many send to keep their
%% mail off the heap.
-module(bench).
-export([main/1, idler/0, result/4, rate/3, now_ns/0, random/2, work/1, rounds_of/1, wait/2,
         percentiles/3]).

main([Name | Counts]) ->
    logger:set_primary_config(level, none),
    run(Name, [count(Count) || Count <- Counts]),
    halt(0).

count(Text) -> try list_to_integer(Text) catch error:badarg -> Text end.

run("ring", [Actors, Hops]) -> ring(Actors, Hops);
run("fanin", [Senders, _Bound, All]) -> fanin(Senders, All div Senders);
run("spawn", [Actors]) -> spawn_all(Actors);
run("idle", [Actors]) -> idle(Actors);
run("big", [Actors, Pings]) -> big(Actors, Pings);
run("forkjoin", [Workers, Each]) -> forkjoin(Workers, Each);
run("chameneos", [Creatures, Meetings]) -> chameneos(Creatures, Meetings);
run("bank", [Accounts, Transfers]) -> bank(Accounts, Transfers);
run("supervise", [Cycles, Supervisors]) -> bench_supervise:run(Cycles, Supervisors);
run("uneven", [Actors, Items]) -> bench_times:uneven(Actors, Items);
run("latency", [Servers, Messages]) -> bench_times:latency(Servers, Messages);
run("wakeup", [Messages, PauseUs]) -> bench_times:wakeup(Messages, PauseUs);
run("nodes", [Kind, Messages, Trips, Mib]) ->
    bench_nodes:run("nodes_" ++ Kind, Messages, Trips, Mib);
run(_, _) -> io:format(standard_error, "usage: bench NAME COUNT...~n", []), halt(2).

%% --- Shared ------------------------------------------------------------------------------------

result(Bench, Metric, Value, Unit) ->
    io:format("~s erlang ~s ~.3f ~s~n", [Bench, Metric, float(Value), Unit]).

rate(Bench, Messages, Ns) ->
    result(Bench, "time", Ns / Messages, "ns/message"),
    result(Bench, "rate", Messages * 1.0e3 / Ns, "M/s").

percentiles(Bench, Times, P999) ->
    Ns = list_to_tuple(lists:sort(Times)),
    Size = tuple_size(Ns),
    result(Bench, "p50", element(Size * 50 div 100 + 1, Ns) / 1.0e3, "us"),
    result(Bench, "p99", element(Size * 99 div 100 + 1, Ns) / 1.0e3, "us"),
    P999 andalso result(Bench, "p99.9", element(Size * 999 div 1000 + 1, Ns) / 1.0e3, "us").

now_ns() -> erlang:monotonic_time(nanosecond).

%% A row of random numbers that needs no big integers and no process dictionary.
random(State, Below) ->
    Next = (State * 1103515245 + 12345) band 16#7fffffff,
    {(Next bsr 8) rem Below, Next}.

work(0) -> ok;
work(Rounds) -> work(Rounds - 1).

%% How many rounds make that many ns, by the fastest of many tries.
rounds_of(Ns) ->
    Try = fun(_) -> Began = now_ns(), work(100000), now_ns() - Began end,
    Ns * 100000 div lists:min(lists:map(Try, lists:seq(1, 50))) + 1.

wait(_, 0) -> ok;
wait(Done, Times) -> receive Done -> wait(Done, Times - 1) end.

%% --- ring, fan-in ------------------------------------------------------------------------------

ring(Actors, Hops) ->
    Main = self(),
    First = spawn(fun() -> receive {next, To} -> member(To, Main) end end),
    Last = lists:foldl(fun(_, To) -> spawn(fun() -> member(To, Main) end) end, First,
                       lists:seq(2, Actors)),
    First ! {next, Last},
    Began = now_ns(),
    First ! Hops,
    wait(done, 1),
    rate(case Actors of 2 -> "pingpong"; _ -> "ring" end, Hops, now_ns() - Began).

member(To, Main) ->
    receive
        0 -> Main ! done;
        Left -> To ! Left - 1, member(To, Main)
    end.

fanin(Senders, Each) ->
    Main = self(),
    Sink = spawn_opt(fun() -> sink(Senders * Each), Main ! done end,
                     [{message_queue_data, off_heap}]),
    Began = now_ns(),
    [spawn(fun() -> source(Sink, Each) end) || _ <- lists:seq(1, Senders)],
    wait(done, 1),
    rate(case Senders of 1 -> "count"; 100 -> "fanin100"; _ -> "fanin" end, Senders * Each,
         now_ns() - Began).

sink(0) -> ok;
sink(Left) -> receive Number when is_integer(Number) -> sink(Left - 1) end.

source(_, 0) -> ok;
source(Sink, Left) -> Sink ! Left, source(Sink, Left - 1).

%% --- spawn, idle -------------------------------------------------------------------------------

spawn_all(Actors) ->
    Began = now_ns(),
    AtOnce = min(1000, Actors),
    [one_more() || _ <- lists:seq(1, AtOnce)],
    parent(Actors - AtOnce, Actors),
    Ns = now_ns() - Began,
    result("spawn", "time", Ns / Actors, "ns/actor"),
    result("spawn", "rate", Actors * 1.0e3 / Ns, "M/s").

one_more() -> spawn(fun() -> receive {From, hello} -> From ! hello end end) ! {self(), hello}.

parent(_, 0) -> ok;
parent(0, Left) -> receive hello -> parent(0, Left - 1) end;
parent(ToStart, Left) -> receive hello -> one_more(), parent(ToStart - 1, Left - 1) end.

resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    binary_to_integer(lists:nth(2, binary:split(Text, <<" ">>, [global]))) * 4096.

%% Hibernating is what an Erlang process does that has to be small.
idler() -> receive stop -> ok end.

idle(Actors) ->
    Before = resident(),
    All = [spawn(erlang, hibernate, [?MODULE, idler, []]) || _ <- lists:seq(1, Actors)],
    timer:sleep(500),
    result("idle", "memory", (resident() - Before) / length(All), "bytes/actor").

%% --- big, forkjoin -----------------------------------------------------------------------------

big(Actors, Pings) ->
    Main = self(),
    All = [spawn(fun() -> receive {all, All} -> player(Me, Pings, Me, All, Main) end end)
           || Me <- lists:seq(1, Actors)],
    Tuple = list_to_tuple(All),
    [To ! {all, Tuple} || To <- All],
    Began = now_ns(),
    [To ! pong || To <- All],
    wait(done, Actors),
    rate("big", 2 * Actors * Pings, now_ns() - Began).

player(Me, Left, Random, All, Main) ->
    receive
        {ping, From} -> From ! pong, player(Me, Left, Random, All, Main);
        pong when Left == 0 -> Main ! done, player(Me, 0, Random, All, Main);
        pong ->
            {Drawn, Next} = random(Random, tuple_size(All) - 1),
            To = if Drawn + 1 >= Me -> Drawn + 2; true -> Drawn + 1 end,
            element(To, All) ! {ping, self()},
            player(Me, Left - 1, Next, All, Main)
    end.

forkjoin(Workers, Each) ->
    Main = self(),
    Items = fun() -> items(Each), Main ! done end,
    All = [spawn_opt(Items, [{message_queue_data, off_heap}]) || _ <- lists:seq(1, Workers)],
    Began = now_ns(),
    spawn(fun() -> deal(All, Each) end),
    wait(done, Workers),
    rate("forkjoin", Workers * Each, now_ns() - Began).

items(0) -> ok;
items(Left) -> receive item -> items(Left - 1) end.

deal(_, 0) -> ok;
deal(All, Each) -> [To ! item || To <- All], deal(All, Each - 1).

%% --- chameneos ---------------------------------------------------------------------------------

chameneos(Creatures, Meetings) ->
    Main = self(),
    Began = now_ns(),
    Mall = spawn(fun() -> Main ! {sum, mall(Meetings, Creatures, none, 0)} end),
    [spawn(fun() -> Mall ! {meet, self(), I rem 3}, creature(Mall, I rem 3, 0) end)
     || I <- lists:seq(1, Creatures)],
    Sum = 2 * Meetings,
    receive {sum, Sum} -> ok end,
    rate("chameneos", 4 * Meetings, now_ns() - Began).

mall(_, 0, _, Sum) -> Sum;
mall(Left, Creatures, Waiting, Sum) ->
    receive
        {meet, Who, _} when Left == 0 -> Who ! closed, mall(0, Creatures, none, Sum);
        {meet, Who, _} when Waiting == none -> mall(Left, Creatures, Who, Sum);
        {meet, _, _} = Meet -> Waiting ! Meet, mall(Left - 1, Creatures, none, Sum);
        {count, Met} -> mall(Left, Creatures - 1, Waiting, Sum + Met)
    end.

creature(Mall, Colour, Met) ->
    receive
        {meet, Other, Theirs} ->
            New = complement(Colour, Theirs),
            Other ! {change, New},
            Mall ! {meet, self(), New},
            creature(Mall, New, Met + 1);
        {change, New} -> Mall ! {meet, self(), New}, creature(Mall, New, Met + 1);
        closed -> Mall ! {count, Met}
    end.

complement(Same, Same) -> Same;
complement(A, B) -> 3 - A - B.

%% --- bank --------------------------------------------------------------------------------------

bank(Accounts, Transfers) ->
    Main = self(),
    Teller = spawn(fun() ->
        receive {all, All} -> ok end,
        Next = lists:foldl(fun(_, R) -> transfer(All, R) end, 1, lists:seq(1, 250)),
        teller(All, Transfers - 250, Transfers, Next),
        Main ! done
    end),
    All = list_to_tuple([spawn(fun() -> account(Teller, 1000000) end)
                         || _ <- lists:seq(1, Accounts)]),
    Began = now_ns(),
    Teller ! {all, All},
    wait(done, 1),
    rate("bank", 4 * Transfers, now_ns() - Began).

transfer(All, Random) ->
    Size = tuple_size(All),
    {From, Next} = random(Random, Size),
    {Away, Last} = random(Next, Size - 1),
    To = (From + 1 + Away) rem Size,
    element(From + 1, All) ! {transfer, element(To + 1, All), To rem 100},
    Last.

teller(_, _, 0, _) -> ok;
teller(All, ToStart, Left, Random) ->
    receive
        credited when ToStart > 0 -> teller(All, ToStart - 1, Left - 1, transfer(All, Random));
        credited -> teller(All, 0, Left - 1, Random)
    end.

account(Teller, Balance) ->
    receive
        {transfer, To, Amount} ->
            To ! {credit, self(), Amount},
            account(Teller, Balance - Amount);
        {credit, From, Amount} -> From ! credited, account(Teller, Balance + Amount);
        credited -> Teller ! credited, account(Teller, Balance)
    end.
