%% supervise: processes, one under each supervisor, crash and are restarted. The supervisor looks at
%% all restarts of its period at each one, so many supervisors are faster than one.
-module(bench_supervise).
-behaviour(supervisor).
-export([run/2, init/1, start_link/2, child/1]).

run(Cycles, Supervisors) ->
    process_flag(trap_exit, true),
    Each = Cycles div Supervisors,
    Began = bench:now_ns(),
    [{ok, _} = supervisor:start_link(?MODULE, {self(), Each}) || _ <- lists:seq(1, Supervisors)],
    bench:wait(done, Supervisors),
    Name = case Supervisors of 1 -> "supervise"; _ -> "supervise20" end,
    bench:result(Name, "rate", Each * Supervisors * 1.0e9 / (bench:now_ns() - Began),
                 "restarts/s").

init({Main, Cycles}) ->
    Lives = counters:new(1, []),
    {ok, {#{strategy => one_for_one, intensity => Cycles + 1, period => 1},
          [#{id => failing, start => {?MODULE, start_link, [{Main, Cycles}, Lives]}}]}}.

start_link({Main, Cycles}, Lives) ->
    counters:add(Lives, 1, 1),
    Pid = spawn_link(?MODULE, child, [Main]),
    Pid ! case counters:get(Lives, 1) > Cycles of true -> done; false -> fail end,
    {ok, Pid}.

child(Main) ->
    receive
        fail -> exit(failed);
        done -> Main ! done, receive stop -> ok end
    end.
