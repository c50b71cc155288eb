#!/usr/bin/env escript
%% links.erl SCRIPT: plays links.txt on Erlang and says what was seen.
-mode(compile).

main([Path]) ->
    {ok, Text} = file:read_file(Path),
    process_flag(trap_exit, true),
    register(log, self()),
    ets:new(names, [named_table, public]),
    play(string:split(Text, "\n", all), #{}).

play([], _) -> ok;
play([Line | Rest], Cast) ->
    case string:lexemes(Line, " ") of
        [] -> play(Rest, Cast);
        [<<"#">> | _] -> play(Rest, Cast);
        [<<"case">> | _] -> io:format("~s~n", [Line]), play(Rest, Cast);
        [<<"spawn">>, Name] ->
            Pid = spawn(fun() -> perform(#{me => Name}) end),
            put_name(Pid, Name),
            play(Rest, Cast#{Name => Pid});
        [<<"alive">>, Name] ->
            io:format("  alive ~s ~s~n", [Name, is_process_alive(maps:get(Name, Cast))]),
            play(Rest, Cast);
        [<<"+", Name/binary>> | Order] ->
            %% Who has the next order sees it ahead of what comes of this one.
            [Next | Then] = string:lexemes(hd(Rest), " "),
            Other = maps:get(Next, Cast),
            erlang:suspend_process(Other),
            Same = Next =:= Name,
            Same orelse order(Other, Then, Cast),
            order(maps:get(Name, Cast), Order, Cast),
            Same andalso order(Other, Then, Cast),
            Same orelse wait(maps:remove(Next, Cast)),
            erlang:resume_process(Other),
            settle(Next, Then, Cast),
            play(tl(Rest), Cast);
        [Name | Order] ->
            order(maps:get(Name, Cast), Order, Cast),
            settle(Name, Order, Cast),
            play(Rest, Cast)
    end.

put_name(Pid, Name) -> ets:insert(names, {Pid, Name}).

name(Pid) -> ets:lookup_element(names, Pid, 2).

order(Pid, Order, Cast) -> Pid ! {order, Order, Cast}.

%% Everybody has answered as many times as a signal can go on.
wait(Cast) ->
    [ping(Pid) || _ <- lists:seq(1, 12), Pid <- maps:values(Cast)].

ping(Pid) ->
    Ref = monitor(process, Pid),
    Pid ! {ping, self(), Ref},
    receive
        {pong, Ref} -> demonitor(Ref, [flush]);
        {'DOWN', Ref, _, _, _} -> ok
    end.

settle(Name, Order, Cast) ->
    wait(Cast),
    io:format("  ~s ~s~n", [Name, lists:join(" ", Order)]),
    [io:format("    ~s~n", [Seen]) || Seen <- lists:sort(seen())].

seen() ->
    receive {seen, What} -> [iolist_to_binary(What) | seen()] after 0 -> [] end.

see(Format, Args) -> log ! {seen, io_lib:format(Format, Args)}.

perform(State) ->
    receive What -> perform(take(What, State)) end.

take({order, Order, Cast}, State) -> obey(Order, Cast, State);
take({ping, From, Ref}, State) -> From ! {pong, Ref}, State;
take({'EXIT', From, Why}, #{me := Me} = State) ->
    see("~s hears the exit of ~s: ~s", [Me, name(From), Why]), look(State);
take({'DOWN', Ref, process, {Name, Node}, Why}, #{me := Me} = State) when Node =:= node() ->
    see("~s hears ~s: ~s of ~s", [Me, maps:get(Ref, State), Why, Name]), look(State);
take({'DOWN', Ref, process, From, Why}, #{me := Me} = State) ->
    see("~s hears ~s: ~s of ~s", [Me, maps:get(Ref, State), Why, name(From)]),
    look(State).

look(#{me := Me, looks := Name} = State) ->
    see("~s finds ~s: ~s", [Me, Name, whereis(binary_to_atom(Name)) =/= undefined]), State;
look(State) -> State.

obey([<<"trap">>], _, State) -> process_flag(trap_exit, true), State;
obey([<<"link">>, Name], Cast, State) -> link(maps:get(Name, Cast)), State;
obey([<<"unlink">>, Name], Cast, State) -> unlink(maps:get(Name, Cast)), State;
obey([<<"signal">>, Name, Why], Cast, State) ->
    exit(maps:get(Name, Cast), binary_to_atom(Why)), State;
obey([<<"exit">>, Why], _, _) -> exit(binary_to_atom(Why));
obey([<<"monitor">>, Name, Tag], Cast, State) ->
    tag(monitor(process, maps:get(Name, Cast)), Tag, State);
obey([<<"watch">>, Name, Tag], _, State) ->
    tag(monitor(process, binary_to_atom(Name)), Tag, State);
obey([<<"demonitor">>, Tag], _, State) -> demonitor(maps:get(Tag, State)), State;
obey([<<"flush">>, Tag], _, State) -> demonitor(maps:get(Tag, State), [flush]), State;
obey([<<"name">>, Name], _, State) -> register(binary_to_atom(Name), self()), State;
obey([<<"looks">>, Name], _, State) -> State#{looks => Name}.

tag(Ref, Tag, State) -> State#{Ref => Tag, Tag => Ref}.
