package report

import (
	"errors"
	"image/color"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Names of the charts, for Series.Chart.
const (
	ChartRTSP = "latency-rtsp" // X: ms, Y: percent of the pictures
	ChartJPEG = "latency-jpeg" // as ChartRTSP
	ChartThin = "age-thin"     // X: s since the beginning, Y: ms
	ChartCPU  = "cpu-h264"     // Y: one value, ms of processor time a picture
)

// look is how a chart is drawn.
type look struct {
	name, title, x, y string
	logX, bars        bool
}

var looks = []look{
	{name: ChartRTSP, title: "H.264 1080p25 camera over RTSP: age of a picture at the viewer", x: "ms (logarithmic)", y: "% of pictures", logX: true},
	{name: ChartJPEG, title: "Motion JPEG 1080p25 camera: age of a picture at the viewer", x: "ms (logarithmic)", y: "% of pictures", logX: true},
	{name: ChartThin, title: "Viewer behind a link of 6 Mbit/s: age of a picture", x: "s", y: "ms"},
	{name: ChartCPU, title: "H.264 1080p to JPEG of quality 80: processor time a picture", y: "ms", bars: true},
}

// charts draws what there are series for, and returns the files' names.
func (r *Report) charts(dir string) ([]string, error) {
	var files []string
	for _, l := range looks {
		var series []Series
		for _, s := range r.Series {
			if s.Chart == l.name && len(s.Y) > 0 {
				series = append(series, s)
			}
		}
		if len(series) == 0 {
			continue
		}
		p, err := l.plot(series)
		if err != nil {
			return nil, err
		}
		file := l.name + ".svg"
		if err := save(p, filepath.Join(dir, file)); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// save draws with a margin: the last label of an axis is wider than the plot.
func save(p *plot.Plot, file string) error {
	const margin = 5 * vg.Millimeter
	canvas := vgsvg.New(20*vg.Centimeter, 9*vg.Centimeter)
	area := draw.New(canvas)
	area.SetColor(color.White)
	area.Fill(area.Rectangle.Path())
	p.Draw(draw.Crop(area, margin/2, -margin, margin/2, -margin/2))
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}

func (l look) plot(series []Series) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = l.title, l.x, l.y
	p.Title.TextStyle.Font.Size, p.Title.Padding = vg.Points(12), vg.Points(6)
	if l.bars {
		return p, bars(p, series)
	}
	p.Add(plotter.NewGrid())
	if l.logX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	for i, s := range series {
		points := make(plotter.XYs, 0, len(s.Y))
		for j := range s.Y {
			if !l.logX || s.X[j] > 0 {
				points = append(points, plotter.XY{X: s.X[j], Y: s.Y[j]})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = plotutil.Color(i), vg.Points(1.6)
		line.Dashes = plotutil.Dashes(i / 7)
		p.Add(line)
		p.Legend.Add(s.Name, line)
	}
	// Room for the legend: left of the distributions, above the ages. On the right it would end where it likes: the width of
	// its text is known only to what shows the picture.
	p.Legend.Top, p.Legend.Left = true, true
	if l.logX {
		p.X.Min /= 8
	} else {
		p.Y.Min, p.Y.Max = 0, p.Y.Max*1.6
	}
	return p, nil
}

func bars(p *plot.Plot, series []Series) error {
	values, names := make(plotter.Values, len(series)), make([]string, len(series))
	for i, s := range series {
		values[i], names[i] = s.Y[0], s.Name
	}
	chart, err := plotter.NewBarChart(values, vg.Points(28))
	if err != nil {
		return err
	}
	chart.Color = plotutil.Color(2)
	p.Add(chart)
	p.NominalX(names...)
	p.Y.Min = 0
	p.X.Min, p.X.Max = -0.5, float64(len(series))-0.5
	p.X.Tick.Label.XAlign = draw.XCenter
	return nil
}
