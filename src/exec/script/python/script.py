"""Started by rulemake with the file that describes a job: runs the job's script."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rulemake_job

rulemake_job.run_script(sys.argv[1])
