%% The benchmarks whose result is a time of the clock.
-module(bench_times).
-export([uneven/2, latency/2, wakeup/2]).

-define(ITEM_NS, 10000).

%% --- uneven ------------------------------------------------------------------------------------

uneven(Actors, Items) ->
    Main = self(),
    Cores = erlang:system_info(schedulers_online),
    Rounds = bench:rounds_of(?ITEM_NS),
    Began = bench:now_ns(),
    [spawn(fun() -> share((Items + I) div Cores, Rounds), Main ! done end)
     || I <- lists:seq(0, Cores - 1)],
    bench:wait(done, Cores),
    Perfect = bench:now_ns() - Began,
    All = list_to_tuple([spawn_opt(fun() -> worker(Main) end, [{message_queue_data, off_heap}])
                         || _ <- lists:seq(1, Actors)]),
    Start = bench:now_ns(),
    spawn(fun() -> feed(All, (Actors + 99) div 100, Items, Rounds, 1) end),
    bench:wait(done, Actors),
    bench:result("uneven", "makespan", (bench:now_ns() - Start) / Perfect, "ideal").

share(0, _) -> ok;
share(Items, Rounds) -> bench:work(Rounds), share(Items - 1, Rounds).

worker(Main) ->
    receive
        last -> Main ! done;
        Rounds -> bench:work(Rounds), worker(Main)
    end.

feed(All, _, 0, _, _) -> [To ! last || To <- tuple_to_list(All)];
feed(All, Hot, Items, Rounds, Random) ->
    {Cold, R1} = bench:random(Random, 10),
    {To, R2} = case Cold of
        0 -> bench:random(R1, tuple_size(All));
        _ -> {Drawn, R} = bench:random(R1, Hot), {Drawn * 100, R}
    end,
    element(To + 1, All) ! Rounds,
    feed(All, Hot, Items - 1, Rounds, R2).

%% --- latency -----------------------------------------------------------------------------------

latency(Servers, Messages) ->
    Main = self(),
    Rounds = bench:rounds_of(?ITEM_NS),
    Delay = atomics:new(Messages, []),
    All = list_to_tuple([spawn(fun() -> server(Main, Delay, Rounds) end)
                         || _ <- lists:seq(1, Servers)]),
    Gap = ?ITEM_NS / 0.7 / erlang:system_info(schedulers_online),
    spawn(fun() -> source(All, Messages, Gap, bench:now_ns(), 1) end),
    bench:wait(done, Servers),
    bench:percentiles("latency", values(Delay, Messages), true).

server(Main, Delay, Rounds) ->
    receive
        {Number, Due} ->
            atomics:put(Delay, Number, bench:now_ns() - Due),
            bench:work(Rounds),
            server(Main, Delay, Rounds);
        last -> Main ! done
    end.

%% Sends what is due, then gives way and looks again. The times count from when a message was due.
source(All, 0, _, _, _) -> [To ! last || To <- tuple_to_list(All)];
source(All, Left, Gap, Due, Random) ->
    case bench:now_ns() >= Due of
        true ->
            {To, R1} = bench:random(Random, tuple_size(All)),
            {Drawn, R2} = bench:random(R1, 1000000),
            element(To + 1, All) ! {Left, round(Due)},
            source(All, Left - 1, Gap, Due - Gap * math:log((Drawn + 1) / 1.0e6), R2);
        false ->
            erlang:yield(),
            source(All, Left, Gap, Due, Random)
    end.

values(Delay, Count) -> [atomics:get(Delay, I) || I <- lists:seq(1, Count)].

%% --- wakeup ------------------------------------------------------------------------------------

%% There are no plain threads here. With two schedulers the sender is on one and the receiver on the
%% other, which then has to be woken. (The option that binds them is not documented.) Pauses are of
%% whole milliseconds.
wakeup(Messages, PauseUs) ->
    Main = self(),
    Delay = atomics:new(Messages, []),
    Last = erlang:system_info(schedulers_online),
    Receiver = spawn_opt(fun() -> sleeper(Main, Delay, Messages) end, [{scheduler, Last}]),
    spawn_opt(fun() -> sender(Receiver, Messages, max(1, PauseUs div 1000)) end, [{scheduler, 1}]),
    bench:wait(done, 1),
    bench:percentiles("wakeup", values(Delay, Messages), false).

sleeper(Main, _, 0) -> Main ! done;
sleeper(Main, Delay, Left) ->
    receive Sent -> atomics:put(Delay, Left, bench:now_ns() - Sent) end,
    sleeper(Main, Delay, Left - 1).

sender(_, 0, _) -> ok;
sender(Receiver, Left, PauseMs) ->
    receive after PauseMs -> ok end,
    Receiver ! bench:now_ns(),
    sender(Receiver, Left - 1, PauseMs).
