#!/usr/bin/env escript
%%! +S 1
%% supervisors.erl SCRIPT: plays supervisors.txt on Erlang and says what was seen.
-mode(compile).
-export([init/1, start_boss/1, start_part/1, start_dynamic/2]).

main([Path]) ->
    logger:set_primary_config(level, none),
    {ok, Text} = file:read_file(Path),
    Lines = [string:lexemes(Line, " ") || Line <- string:split(Text, "\n", all)],
    ets:new(cast, [named_table, public]),
    register(log, spawn_link(fun() -> log(#{}, [], [], []) end)),
    show(lists:foldl(fun step/2, {[], []}, [L || L <- Lines, L =/= [], hd(L) =/= <<"#">>])).

%% --- The log: who is told of a step goes on once it is written down ------------------------------

log(Names, Seen, Ended, Asked) ->
    receive
        {From, {born, Id}} ->
            monitor(process, From),
            From ! logged,
            log(Names#{From => Id}, Seen, Ended, Asked);
        {From, {sees, Text}} -> From ! logged, log(Names, [Text | Seen], Ended, Asked);
        {From, {last, Text}} ->
            From ! logged, log(maps:remove(From, Names), [Text | Seen], Ended, Asked);
        {From, {together, N}} when length(Asked) + 1 =:= N ->
            [Pid ! logged || Pid <- [From | Asked]], log(Names, Seen, Ended, []);
        {From, {together, _}} -> log(Names, Seen, Ended, [From | Asked]);
        {From, take} ->
            From ! {seen, lists:reverse(Seen) ++ lists:sort(Ended)}, log(Names, [], [], []);
        {'DOWN', _, _, Pid, Why} when is_map_key(Pid, Names), is_atom(Why) ->
            Text = text("~s has ended: ~s", [maps:get(Pid, Names), Why]),
            log(maps:remove(Pid, Names), Seen, [Text | Ended], Asked);
        %% Who has said so already; or could not start, of which its starter knows.
        {'DOWN', _, _, _, _} -> log(Names, Seen, Ended, Asked)
    end.

tell(What) -> log ! {self(), What}, receive logged -> ok end.

text(Format, Args) -> iolist_to_binary(io_lib:format(Format, Args)).

see(Format, Args) -> tell({sees, text(Format, Args)}).

seen() -> log ! {self(), take}, receive {seen, Seen} -> Seen end.

%% --- Children ------------------------------------------------------------------------------------

start_part(Part) -> proc_lib:start_link(erlang, apply, [fun part/2, [self(), Part]]).

start_dynamic(Part, Id) -> start_part(Part#{id := Id}).

part(Parent, #{id := Id} = Part) ->
    process_flag(trap_exit, true),
    Life = ets:update_counter(cast, {lives, Id}, 1, {{lives, Id}, 0}),
    {First, Last} = maps:get(<<"fails">>, Part, {0, 0}),
    has(<<"ignore">>, Part) andalso ignore(),
    can_start(Part, Life < First orelse Life > Last),
    ets:insert(cast, {Id, self()}),
    tell({born, Id}),
    see("~s starts", [Id]),
    has(<<"late">>, Part) andalso see("~s is ready", [Id]),
    proc_lib:init_ack({ok, self()}),
    play_part(Parent, Part).

can_start(_, true) -> ok;
can_start(#{id := Id} = Part, false) ->
    has(<<"loops">>, Part) orelse see("~s can't start", [Id]),
    exit(crash).

ignore() -> proc_lib:init_ack(ignore), exit(normal).

has(Word, Part) -> maps:is_key(Word, Part).

play_part(Parent, #{id := Id} = Part) ->
    receive
        {ends, Why} -> leave(Id, Why);
        {'EXIT', Parent, Why} -> asked(Part, Why);
        {ping, From, Ref} -> From ! {pong, Ref}, play_part(Parent, Part)
    end.

leave(Id, Why) -> tell({last, text("~s stops: ~s", [Id, Why])}), exit(Why).

asked(#{<<"asked">> := Why}, _) -> exit(Why);
asked(#{<<"stuck">> := _}, _) -> receive after infinity -> ok end;
asked(#{<<"together">> := N, id := Id}, Why) -> tell({together, N}), leave(Id, Why);
asked(#{<<"slow">> := _, id := Id}, Why) ->
    see("~s is asked to stop", [Id]),
    receive after 20 -> leave(Id, Why) end;
asked(#{id := Id}, Why) -> leave(Id, Why).

%% --- Supervisors ---------------------------------------------------------------------------------

start_boss(Name) -> supervisor:start_link(?MODULE, Name).

init(Name) ->
    tell({born, Name}),
    ets:insert(cast, {Name, self()}),
    [{_, Flags, Specs}] = ets:lookup(cast, {boss, Name}),
    {ok, {Flags, Specs}}.

parent(Name, Driver) ->
    process_flag(trap_exit, true),
    Result = start_boss(Name),
    Driver ! {started, Result},
    parent(Result).

parent({ok, Pid}) -> receive {signal, Why} -> exit(Pid, Why); _ -> ok end, parent({ok, Pid});
parent(_) -> ok.

flags([Strategy, Most | Rest]) ->
    maps:merge(#{strategy => binary_to_atom(Strategy), intensity => binary_to_integer(Most),
                 period => 60}, maps:from_list([flag(Word) || Word <- Rest])).

flag(<<"any">>) -> {auto_shutdown, any_significant};
flag(<<"all">>) -> {auto_shutdown, all_significant};
flag(<<"within=", S/binary>>) -> {period, binary_to_integer(S)}.

spec([Id, Restart | Words], Template) ->
    Part = maps:from_list([{id, Id} | [option(string:split(Word, "=")) || Word <- Words]]),
    Start = case {Part, Template} of
        {#{<<"supervisor">> := _}, _} -> {?MODULE, start_boss, [Id]};
        {_, true} -> {?MODULE, start_dynamic, [Part]};
        _ -> {?MODULE, start_part, [Part]}
    end,
    #{id => Id, restart => binary_to_atom(Restart), start => Start,
      significant => has(<<"significant">>, Part),
      type => case has(<<"supervisor">>, Part) of true -> supervisor; _ -> worker end,
      shutdown => case Part of
                      #{<<"brutal">> := _} -> brutal_kill;
                      #{<<"stuck">> := _} -> 30;
                      #{<<"forever">> := _} -> infinity;
                      #{<<"supervisor">> := _} -> infinity;
                      _ -> 5000
                  end}.

option([<<"fails">>, Lives]) ->
    [First, Last] = string:split(Lives, "-"),
    {<<"fails">>, {binary_to_integer(First), binary_to_integer(Last)}};
option([<<"asked">>, Why]) -> {<<"asked">>, binary_to_atom(Why)};
option([<<"together">>, N]) -> {<<"together">>, binary_to_integer(N)};
option([<<"loops">>]) -> {<<"loops">>, true};
option([Word]) -> {Word, true}.

%% --- The play ------------------------------------------------------------------------------------

%% What was seen of a line is shown once the lines are known that say where the two differ.
step([<<"only">>, <<"erlang">> | Words], {Seen, Held}) ->
    Text = iolist_to_binary(lists:join(" ", Words)),
    lists:member(Text, Seen) orelse io:format("    missing: ~s~n", [Text]),
    {lists:delete(Text, Seen), Held};
step([<<"only">> | _], Shown) -> Shown;
step([<<"unordered">>], {Seen, Held}) -> {lists:sort(Seen), Held};
step(Words, {Seen, Held}) ->
    show({Seen, Held}),
    play(Words, Held).

show({Seen, _}) -> [io:format("    ~s~n", [Text]) || Text <- Seen].

play([<<"case">> | _] = Words, _) ->
    end_case(),
    io:format("~s~n", [lists:join(" ", Words)]),
    {[], []};
play([<<"supervisor">>, Name | Words], Held) ->
    ets:insert(cast, {{boss, Name}, flags(Words), []}), {[], Held};
play([<<"child">>, Name, Id | Words], Held) ->
    [{Key, Flags, Specs}] = ets:lookup(cast, {boss, Name}),
    Spec = spec([Id | Words], maps:get(strategy, Flags) =:= simple_one_for_one),
    ets:insert(cast, [{Key, Flags, Specs ++ [Spec]}, {{boss_of, Id}, Name}]), {[], Held};
%% The next line happens before the supervisor can look.
play([<<"+", Id/binary>> | Words], []) ->
    [{_, Name}] = ets:lookup(cast, {boss_of, Id}),
    erlang:suspend_process(pid(Name)),
    act([Id | Words]),
    {[], [pid(Name)]};
play(Words, Held) ->
    Said = act(Words),
    [erlang:resume_process(Pid) || Pid <- Held],
    settle(),
    io:format("  ~s~s~n", [lists:join(" ", Words), Said]),
    {seen(), []}.

end_case() ->
    [end_of(Pid, fun() -> exit(Pid, kill) end) || {_, Pid} <- ets:tab2list(cast), is_pid(Pid)],
    settle(), seen(), ets:delete_all_objects(cast).

pid(Name) -> ets:lookup_element(cast, Name, 2).

settle() ->
    [ping(Name, Pid) || _ <- lists:seq(1, 20), {Name, Pid} <- ets:tab2list(cast), is_pid(Pid)].

ping({parent, _}, _) -> ok;
ping(Name, Pid) ->
    case ets:member(cast, {boss, Name}) of
        true -> catch supervisor:count_children(Pid);
        false ->
            Ref = monitor(process, Pid),
            Pid ! {ping, self(), Ref},
            receive {pong, Ref} -> demonitor(Ref, [flush]); {'DOWN', Ref, _, _, _} -> ok end
    end.

%% Lets time pass without waiting for it: the restarts that a supervisor remembers, in whole seconds,
%% are that much older (the 8th of its record, in OTP 25).
age(Seconds) ->
    Older = fun(S) -> setelement(8, S, [At - Seconds || At <- element(8, S)]) end,
    [sys:replace_state(pid(Name), Older) || {{boss, Name}, _, _} <- ets:tab2list(cast)].

end_of(Pid, By) ->
    Ref = monitor(process, Pid), By(), receive {'DOWN', Ref, _, _, _} -> "" end.

by_stranger(What) ->
    {Pid, Ref} = spawn_monitor(What), receive {'DOWN', Ref, _, Pid, _} -> "" end.

act([<<"start">>, Name]) ->
    Driver = self(),
    Parent = spawn(fun() -> parent(Name, Driver) end),
    ets:insert(cast, {{parent, Name}, Parent}),
    receive {started, Result} -> [": " | said(Result)] end;
act([<<"wait">>, Ms]) -> settle(), age(binary_to_integer(Ms) div 1000), "";
act([Id, <<"ends">>, Why]) ->
    Pid = pid(Id), end_of(Pid, fun() -> Pid ! {ends, binary_to_atom(Why)} end);
act([Id, <<"kill">>]) -> Pid = pid(Id), end_of(Pid, fun() -> exit(Pid, kill) end);
act([Name, <<"parent">>, Why]) ->
    Parent = pid({parent, Name}),
    end_of(pid(Name), fun() -> Parent ! {signal, binary_to_atom(Why)} end);
act([Name, <<"signal">>, Why]) ->
    by_stranger(fun() -> exit(pid(Name), binary_to_atom(Why)) end);
act([Name, <<"linked">>, Why]) ->
    by_stranger(fun() -> link(pid(Name)), exit(binary_to_atom(Why)) end);
act([Name, <<"noise">>]) -> pid(Name) ! noise, "";
act([Name, What | Words]) -> [": " | said(ask(pid(Name), What, Words))].

ask(Pid, <<"add">>, Words) -> supervisor:start_child(Pid, spec(Words, false));
ask(Pid, <<"dynamic">>, [Id]) -> supervisor:start_child(Pid, [Id]);
ask(Pid, <<"terminate">>, [Id]) -> supervisor:terminate_child(Pid, Id);
ask(Pid, <<"end">>, [Id]) -> supervisor:terminate_child(Pid, pid(Id));
ask(Pid, <<"restart">>, [Id]) -> supervisor:restart_child(Pid, Id);
ask(Pid, <<"delete">>, [Id]) -> supervisor:delete_child(Pid, Id);
ask(Pid, <<"count">>, []) ->
    [[integer_to_binary(N), " "] || {_, N} <- supervisor:count_children(Pid)];
ask(Pid, <<"children">>, []) ->
    [[Id, state(Of), " "] || {Id, Of, _, _} <- lists:reverse(supervisor:which_children(Pid))].

state(undefined) -> " ended";
state(restarting) -> " restarting";
state(_) -> " runs".

said(ok) -> "ok";
said({ok, undefined}) -> "ignored";
said({ok, _}) -> "ok";
said({error, {already_started, _}}) -> "already_started";
said({error, Word}) when Word =/= crash, Word =/= simple_one_for_one, is_atom(Word) ->
    atom_to_list(Word);
said({error, _}) -> "failed";
said(List) -> string:trim(List).
