"""Which names of the standard library have which effect."""

_TABLE = """
harmless    os path name sep altsep extsep pathsep curdir pardir linesep fspath fsencode fsdecode PathLike cpu_count
harmless    sys setrecursionlimit set_int_max_str_digits
harmless    pathlib Path PosixPath WindowsPath
stdout      builtins print help breakpoint
stdout      sys stdout stderr __stdout__ __stderr__ displayhook
stdout      pprint pprint pp
stdout      traceback print_exc print_exception print_last print_stack print_tb
stdout      * logging
stdin       builtins input
stdin       sys stdin __stdin__
stdin       * getpass fileinput
files       builtins open
files       io open open_code FileIO
files       codecs open
files       os.path exists lexists isfile isdir islink ismount getsize getmtime getatime getctime samefile realpath
files       os.path abspath expanduser expandvars
files       pathlib.Path open read_text read_bytes write_text write_bytes exists is_file is_dir is_symlink stat lstat
files       pathlib.Path iterdir glob rglob walk mkdir rmdir unlink touch rename replace chmod resolve absolute
files       pathlib.Path expanduser samefile owner readlink cwd home
files       object read_text read_bytes write_text write_bytes
files       gzip open
files       bz2 open
files       lzma open
files       * os shutil glob tempfile linecache sqlite3 dbm shelve importlib.resources
network     asyncio open_connection open_unix_connection start_server start_unix_server
network     * socket socketserver ssl select http.client http.server http.cookiejar urllib.request urllib.robotparser
network     * ftplib poplib imaplib smtplib telnetlib xmlrpc webbrowser
process     os system popen fork forkpty kill killpg abort _exit wait waitpid waitid posix_spawn posix_spawnp startfile
process     os execl execle execlp execlpe execv execve execvp execvpe
process     os spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe
process     sys exit
process     concurrent.futures ProcessPoolExecutor process
process     asyncio create_subprocess_exec create_subprocess_shell subprocess
process     * posix subprocess multiprocessing pty signal
reads_clock time time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns
reads_clock time thread_time thread_time_ns clock_gettime clock_gettime_ns localtime gmtime ctime asctime strftime
reads_clock datetime.datetime now today utcnow
reads_clock datetime.date today
reads_clock * timeit
random      random random randint randrange randbytes getrandbits choice choices shuffle sample uniform triangular
random      random betavariate expovariate gammavariate gauss lognormvariate normalvariate vonmisesvariate
random      random paretovariate weibullvariate binomialvariate seed getstate setstate Random SystemRandom
random      uuid uuid1 uuid4
random      os urandom getrandom
random      * secrets
state       os environ environb getenv getenvb putenv unsetenv chdir umask getcwd getcwdb getpid
state       sys path argv settrace setprofile setswitchinterval addaudithook meta_path path_hooks
state       locale setlocale
state       contextlib redirect_stdout redirect_stderr chdir
state       * atexit
dynamic     builtins eval exec compile globals __import__ __loader__ __spec__
dynamic     sys modules _getframe _current_frames
dynamic     inspect currentframe stack trace getouterframes getinnerframes
dynamic     importlib import_module __import__ reload util machinery
dynamic     types FunctionType LambdaType CodeType
dynamic     pickle load loads Unpickler
dynamic     object __globals__ __builtins__ __subclasses__ __loader__ __spec__
dynamic     object f_back f_globals f_locals f_builtins tb_frame gi_frame cr_frame ag_frame
dynamic     * gc ctypes marshal runpy code
"""
"""An effect, a module or class, and what of it has the effect; after a star, modules of which all has it.

What `object` has, whatever object may have: a parameter may be a path, and some attributes of any object lead on to all
of the interpreter.
"""

_LINES = [line.split() for line in _TABLE.strip().split("\n")]
EFFECTS = {name if owner == "*" else f"{owner}.{name}": effect for effect, owner, *names in _LINES for name in names}
STEMS = {name.rsplit(".", cut)[0] for name in EFFECTS for cut in range(3)}
MODULES = {name.split(".")[0] for name in EFFECTS}
REEXPORTED = frozenset({"builtins", "importlib", "io", "os", "random", "shutil", "socket", "subprocess", "sys"})
"""Many a module has these as attributes: `random._os` is `os`."""
